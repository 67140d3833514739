package jobinfo

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSBATCH(t *testing.T) {
	tests := []struct {
		options string
		want    Info
	}{
		{"-c 4", Info{NbProc: 4}},
		{"-c4", Info{NbProc: 4}},
		{"--cpus-per-task=4", Info{NbProc: 4}},
		{"--cpus-per-task 4", Info{NbProc: 4}},
		{"-n 2 -c 3", Info{NbProc: 6}},
		{"--ntasks=2 # two\n#SBATCH -n3", Info{NbProc: 3}},
		{"-t 30", Info{NbProc: 1, Limit: 30 * time.Minute}},
		{"-t10:30", Info{NbProc: 1, Limit: 10*time.Minute + 30*time.Second}},
		{"--time=90:00", Info{NbProc: 1, Limit: 90 * time.Minute}},
		{"--time=1:02:03", Info{NbProc: 1, Limit: time.Hour + 2*time.Minute + 3*time.Second}},
		{"--time 1-12", Info{NbProc: 1, Limit: 36 * time.Hour}},
		{"--time 1-12:30", Info{NbProc: 1, Limit: 36*time.Hour + 30*time.Minute}},
		{"--time 1-12:30:15", Info{NbProc: 1, Limit: 36*time.Hour + 30*time.Minute + 15*time.Second}},
		{"--time=0", Info{NbProc: 1}},
		{"--time=00:00:00", Info{NbProc: 1}},
		{"--time=5 --time=unlimited", Info{NbProc: 1}},
		{"--time=INFINITE", Info{NbProc: 1}},
		{"--mem=4000", Info{NbProc: 1, Memory: 4000 << 20}},
		{"--mem 4G", Info{NbProc: 1, Memory: 4 << 30}},
		{"--mem=16GB", Info{NbProc: 1, Memory: 16 << 30}},
		{"--mem=0", Info{NbProc: 1}},
		{"--gres=gpu:2", Info{NbProc: 1, NbGPU: 2}},
		{"--gres=gpu:a100:2", Info{NbProc: 1, NbGPU: 2}},
		{"--gres=gpu", Info{NbProc: 1, NbGPU: 1}},
		{"--gres=gpu:a100", Info{NbProc: 1, NbGPU: 1}},
		{"--gres=shard:4,gpu:a:1,gpu:b:2", Info{NbProc: 1, NbGPU: 3}},
		{"--gres=gpumem:4G", Info{NbProc: 1}},
		{"--gpus=2", Info{NbProc: 1, NbGPU: 2}},
		{"--gpus=a100:2", Info{NbProc: 1, NbGPU: 2}},
		{"-G 1", Info{NbProc: 1, NbGPU: 1}},
		{"--mail-user=a@b.c", Info{NbProc: 1, EMail: "a@b.c"}},
		{`--comment="it's a # test" # yes`, Info{NbProc: 1, Info: "it's a # test"}},
		{`--comment='a "b"' --requeue`, Info{NbProc: 1, Info: `a "b"`, Rerun: true}},
		{`--comment=a\ b`, Info{NbProc: 1, Info: "a b"}},
		{"--requeue --no-requeue", Info{NbProc: 1}},
		{"", Info{NbProc: 1}},
	}
	for _, test := range tests {
		test.want.File, test.want.Format, test.want.Shebang = "job.sh", Script, []string{"/bin/bash"}
		got, err := Parse("job.sh", []byte("#!/bin/bash\n#SBATCH "+test.options+"\n\nsrun x\n"))
		got.Slurm = Directives{}
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", test.options, err, got, test.want)
		}
	}
}

func TestScriptRefusals(t *testing.T) {
	tests := []struct{ line, want string }{
		{"#SBATCH -c two", `job.sh, line 2: -c = "two": not a positive integer; write a number such as #SBATCH --cpus-per-task=2`},
		{"#SBATCH --ntasks=0", `job.sh, line 2: --ntasks = "0": not a positive integer; write a number such as #SBATCH --ntasks=2`},
		{"#SBATCH --ntasks=1000000 -c 1000000", "job.sh: --ntasks and --cpus-per-task ask for 1000000 times 1000000 processors; write smaller numbers"},
		{"#SBATCH -t 5h", `job.sh, line 2: -t = "5h": not a time; write a time such as #SBATCH --time=2:30:00`},
		{"#SBATCH -t 1:2:3:4", `job.sh, line 2: -t = "1:2:3:4": not a time; write a time such as #SBATCH --time=2:30:00`},
		{"#SBATCH --mem=much", `job.sh, line 2: --mem = "much": not an amount of bytes; write an amount such as #SBATCH --mem=4G`},
		{"#SBATCH --gpus=", `job.sh, line 2: --gpus = "": not a number of GPUs; write a number such as #SBATCH --gpus=1`},
		{"#SBATCH --gpus=a100", `job.sh, line 2: --gpus = "a100": not a number of GPUs; write a number such as #SBATCH --gpus=1`},
		{"#SBATCH --gres=gpu:a:b", `job.sh, line 2: --gres = "gpu:a:b": not a number of GPUs; write a list such as #SBATCH --gres=gpu:1`},
		{"#SBATCH -J x -c", `job.sh, line 2: -c = "": nothing follows this option; write a number such as #SBATCH --cpus-per-task=2`},
		{`#SBATCH --comment="a`, `job.sh, line 2: #SBATCH = "--comment=\"a": a quote is not closed; close the quote`},
		{"#QM nb_proc 4", `job.sh, line 2: #QM = "nb_proc 4": no key with a value; write a line such as #QM nb_proc : 2`},
		{"#QM", `job.sh, line 2: #QM = "": no key with a value; write a line such as #QM nb_proc : 2`},
		{"#QM size : 1\n#QM Size = 1", `job.sh, line 3: Size = "1": given twice (also in line 2); remove one of the two`},
		{"#QM info : a\rb", `job.sh, line 2: # = "#QM info : a\rb": holds a carriage return (CR); save the script with LF line ends`},
		{"\x00", "job.sh, line 2: holds the control character U+0000; remove it"},
	}
	for _, test := range tests {
		_, err := Parse("job.sh", []byte("#!/bin/sh\n"+test.line+"\n"))
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: error\n%v, want\n%s", test.line, err, test.want)
		}
	}
}

func TestScriptWarnings(t *testing.T) {
	text := "#!/bin/bash -l\r\n" +
		"#SBATCH -J name --partition=long -o out.txt -H\n" +
		"#SBATCH -J again stray -N 1 -c 2\n" +
		"#QM script : other\n" +
		"# QM nb_proc : 3\n" +
		"##SBATCH -c 9\n" +
		"#SBATCHx -c 9\n" +
		" #QM nb_proc : 9\n" +
		"cd x\n" +
		"#SBATCH -c 7\n" +
		"#QM nb_proc : 8\n"
	info, err := Parse("job.sh", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"job.sh, line 1: ends with CR LF, as Windows writes it; save the script with LF, since most interpreters stumble over CR",
		"job.sh, line 4: script is ignored: the file itself is the script",
		"job.sh, line 5: only a comment: a line for QM begins with #QM, such as #QM nb_proc : 2",
		"job.sh, line 8: only a comment: a line for QM begins with #QM, such as #QM nb_proc : 2",
		"job.sh, line 2: #SBATCH -J means nothing here and is ignored",
		"job.sh, line 2: #SBATCH --partition means nothing here and is ignored",
		"job.sh, line 2: #SBATCH -o means nothing here and is ignored",
		"job.sh, line 2: #SBATCH -H means nothing here and is ignored",
		`job.sh, line 3: "stray" is no option of #SBATCH and is ignored`,
		"job.sh, line 3: #SBATCH -N means nothing here and is ignored",
		"job.sh, line 10: not read: #QM and #SBATCH count only above the first command (line 9)",
	}
	if !slices.Equal(info.Warnings, want) {
		t.Errorf("warnings\n%s\nwant\n%s", strings.Join(info.Warnings, "\n"), strings.Join(want, "\n"))
	}
	if info.NbProc != 2 || info.Command != "" || !slices.Equal(info.Shebang, []string{"/bin/bash", "-l"}) {
		t.Errorf("%+v", info)
	}
}

func TestQMWinsOverSBATCH(t *testing.T) {
	text := "#SBATCH -c 2 -t 10 --mem=1G\n#QM nb_proc = 3\n#SBATCH -n 5 --mail-user=x@y.z\n#QM time_limit : 1h\n#QM e-mail: a@b.c\n"
	info, err := Parse("job.sh", []byte(text))
	if err != nil || info.NbProc != 3 || info.Limit != time.Hour || info.Memory != 1<<30 || info.EMail != "a@b.c" {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestShebang(t *testing.T) {
	tests := []struct {
		line string
		want []string
	}{
		{"#!/bin/sh", []string{"/bin/sh"}},
		{"#! /bin/sh", []string{"/bin/sh"}},
		{"#!\t/usr/bin/env  python3 -u \t", []string{"/usr/bin/env", "python3 -u"}},
		{"#!", nil},
		{"#! \t", nil},
		{" #!/bin/sh", nil},
		{"", nil},
	}
	for _, test := range tests {
		info, err := Parse("job.sh", []byte(test.line+"\necho\n"))
		if err != nil || !slices.Equal(info.Shebang, test.want) {
			t.Errorf("%q: %q, %v", test.line, info.Shebang, err)
		}
	}
}

// TestDirectives: what a script asks of Slurm is kept as it stands, and told
// from what #QM says otherwise.
func TestDirectives(t *testing.T) {
	for _, test := range []struct {
		name, lines string
		want        Directives
	}{
		{"none", "#QM nb_proc : 2", Directives{}},
		{"all", "#SBATCH -c4 --gres=gpu:a100:2 # two\n#SBATCH --partition='long one'", Directives{
			Lines:      []string{"#SBATCH -c4 --gres=gpu:a100:2 # two", "#SBATCH --partition='long one'"},
			Options:    []string{"-c", "--gres", "--partition"},
			Processors: true, GPUs: true,
			Ignored: []string{"job.sh, line 3: #SBATCH --partition means nothing here and is ignored"},
		}},
		{"#QM wins", "#SBATCH -c 4 -G 1\n#QM nb_proc : 2\n#QM nb_gpu : 0", Directives{
			Lines: []string{"#SBATCH -c 4 -G 1"}, Options: []string{"-c", "-G"},
		}},
		{"a node's", "#SBATCH -t 5 -N 2", Directives{
			Lines: []string{"#SBATCH -t 5 -N 2"}, Options: []string{"-t", "-N"}, Processors: true,
			Ignored: []string{"job.sh, line 2: #SBATCH -N means nothing here and is ignored"},
		}},
	} {
		info, err := Parse("job.sh", []byte("#!/bin/sh\n"+test.lines+"\ntrue\n"))
		if err != nil || !reflect.DeepEqual(info.Slurm, test.want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", test.name, err, info.Slurm, test.want)
		}
	}
}
