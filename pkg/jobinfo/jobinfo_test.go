package jobinfo

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// valueCases are values of every key, the same for all formats. want is nil
// where message says why the value is refused.
var valueCases = []struct {
	key, value string
	want       func(*Info)
	message    string
}{
	{"nb_proc", "1", func(i *Info) { i.NbProc = 1 }, ""},
	{"nb_proc", "012", func(i *Info) { i.NbProc = 12 }, ""},
	{"nb_proc", "2147483647", func(i *Info) { i.NbProc = 2147483647 }, ""},
	{"NB_Proc", "3", func(i *Info) { i.NbProc = 3 }, ""},
	{"nb_proc", "two", nil, "not a positive integer; write a number such as "},
	{"nb_proc", "0", nil, "not a positive integer; write a number such as "},
	{"nb_proc", "-1", nil, "not a positive integer; write a number such as "},
	{"nb_proc", "+3", nil, "not a positive integer; write a number such as "},
	{"nb_proc", "2.0", nil, "not a positive integer; write a number such as "},
	{"nb_proc", "1_000", nil, "not a positive integer; write a number such as "},
	{"nb_proc", "٣", nil, "not a positive integer; write a number such as "},
	{"nb_proc", "", nil, "not a positive integer; write a number such as "},
	{"nb_proc", "4 # cores", nil, "not a positive integer; write a number such as "},
	{"nb_proc", "2147483648", nil, "not a positive integer up to 2147483647; write a number such as "},
	{"priority", "5", func(i *Info) { i.Priority = 5 }, ""},
	{"priority", "-5", func(i *Info) { i.Priority = -5 }, ""},
	{"priority", "+5", func(i *Info) { i.Priority = 5 }, ""},
	{"priority", "high", nil, "not an integer; write a whole number such as "},
	{"priority", "99999999999", nil, "not an integer up to 2147483647; write a whole number such as "},
	{"nb_gpu", "0", func(*Info) {}, ""},
	{"nb_gpu", "2", func(i *Info) { i.NbGPU = 2 }, ""},
	{"nb_gpu", "-1", nil, "not a whole number from 0; write a number such as "},
	{"info", "a line, with = and :", func(i *Info) { i.Info = "a line, with = and :" }, ""},
	{"info", "", func(*Info) {}, ""},
	{"size", "50 atoms", func(i *Info) { i.Size = "50 atoms" }, ""},
	{"e_mail", "a@b.c", func(i *Info) { i.EMail = "a@b.c" }, ""},
	{"e-mail", "a@b.c", func(i *Info) { i.EMail = "a@b.c" }, ""},
	{"E-Mail", "", func(*Info) {}, ""},
	{"time_limit", "90s", func(i *Info) { i.Limit = 90 * time.Second }, ""},
	{"time_limit", "2h30m", func(i *Info) { i.Limit = 150 * time.Minute }, ""},
	{"time_limit", "3d", func(i *Info) { i.Limit = 72 * time.Hour }, ""},
	{"time_limit", "1d12h", func(i *Info) { i.Limit = 36 * time.Hour }, ""},
	{"time_limit", "1D 12H", func(i *Info) { i.Limit = 36 * time.Hour }, ""},
	{"time_limit", "01:02:03", func(i *Info) { i.Limit = time.Hour + 2*time.Minute + 3*time.Second }, ""},
	{"time_limit", "100:00:00", func(i *Info) { i.Limit = 100 * time.Hour }, ""},
	{"time_limit", "2-03:00:00", func(i *Info) { i.Limit = 51 * time.Hour }, ""},
	{"time_limit", "2-3:00:00", func(i *Info) { i.Limit = 51 * time.Hour }, ""},
	{"time_limit", "90", nil, "a bare number: say the unit (s, m, h or d); write a time with its unit such as "},
	{"time_limit", "1.5", nil, "a bare number: say the unit (s, m, h or d); write a time with its unit such as "},
	{"time_limit", "0s", nil, "not more than 0; write a time with its unit such as "},
	{"time_limit", "00:00:00", nil, "not more than 0; write a time with its unit such as "},
	{"time_limit", "-5h", nil, "not a time; write a time with its unit such as "},
	{"time_limit", "10:30", nil, "not a time; write a time with its unit such as "},
	{"time_limit", "1-24:00:00", nil, "not a time; write a time with its unit such as "},
	{"time_limit", "01:60:00", nil, "not a time; write a time with its unit such as "},
	{"time_limit", "30m2h", nil, "not a time; write a time with its unit such as "},
	{"time_limit", "1h1h", nil, "not a time; write a time with its unit such as "},
	{"time_limit", "", nil, "not a time; write a time with its unit such as "},
	{"time_limit", "106751d", func(i *Info) { i.Limit = 106751 * 24 * time.Hour }, ""},
	{"time_limit", "106752d", nil, "a longer time than can be counted; write a time with its unit such as "},
	{"time_limit", "99999999999999999999s", nil, "a longer time than can be counted; write a time with its unit such as "},
	{"memory", "512M", func(i *Info) { i.Memory = 512 << 20 }, ""},
	{"memory", "4G", func(i *Info) { i.Memory = 4 << 30 }, ""},
	{"memory", "1.5g", func(i *Info) { i.Memory = 3 << 29 }, ""},
	{"memory", "4 GiB", func(i *Info) { i.Memory = 4 << 30 }, ""},
	{"memory", "4gb", func(i *Info) { i.Memory = 4 << 30 }, ""},
	{"memory", "8191T", func(i *Info) { i.Memory = 8191 << 40 }, ""},
	{"memory", "8388608T", nil, "a larger amount than can be counted; write an amount with its unit such as "},
	{"memory", "8388607.999999T", func(i *Info) { i.Memory = 8388607<<40 + 1099510528264 }, ""},
	{"memory", "99999999999999999999K", nil, "a larger amount than can be counted; write an amount with its unit such as "},
	{"memory", "1000", nil, "a bare number: say the unit (K, M, G or T); write an amount with its unit such as "},
	{"memory", "0G", nil, "not more than 0; write an amount with its unit such as "},
	{"memory", "-4G", nil, "not an amount of bytes; write an amount with its unit such as "},
	{"memory", "4X", nil, "not an amount of bytes; write an amount with its unit such as "},
	{"memory", "4B", nil, "not an amount of bytes; write an amount with its unit such as "},
	{"memory", "", nil, "not an amount of bytes; write an amount with its unit such as "},
	{"max_log", "100M", func(i *Info) { i.MaxLog = 100 << 20 }, ""},
	{"max_log", "100", nil, "a bare number: say the unit (K, M, G or T); write an amount with its unit such as "},
	{"after", "a", func(i *Info) { i.After = []string{"a"} }, ""},
	{"after", "a b , c,a b", func(i *Info) { i.After = []string{"a b", "c"} }, ""},
	{"after", "", func(*Info) {}, ""},
	{"after", "a,,b", nil, "a name is missing before or behind a comma; write names of jobs, by comma, such as "},
	{"after", "a,", nil, "a name is missing before or behind a comma; write names of jobs, by comma, such as "},
	{"after", "../a", nil, `"../a" is no name of a job; write names of jobs, by comma, such as `},
	{"after", "..", nil, `".." is no name of a job; write names of jobs, by comma, such as `},
	{"rerun", "yes", func(i *Info) { i.Rerun = true }, ""},
	{"rerun", "TRUE", func(i *Info) { i.Rerun = true }, ""},
	{"rerun", "On", func(i *Info) { i.Rerun = true }, ""},
	{"rerun", "1", func(i *Info) { i.Rerun = true }, ""},
	{"rerun", "no", func(*Info) {}, ""},
	{"rerun", "False", func(*Info) {}, ""},
	{"rerun", "off", func(*Info) {}, ""},
	{"rerun", "0", func(*Info) {}, ""},
	{"rerun", "maybe", nil, "neither yes nor no; write yes or no, such as "},
	{"rerun", "", nil, "neither yes nor no; write yes or no, such as "},
	{"colour", "blue", func(*Info) {}, ""},
}

// writeIn makes a file of the format with script `true` and one more key,
// which stands in line 3.
func writeIn(format Format, key, value string) (name, text string, base Info) {
	base = Info{Format: format, NbProc: 1, Command: "true"}
	switch format {
	case XML:
		base.File = "infos.xml"
		value = strings.NewReplacer("&", "&amp;", `"`, "&quot;", "<", "&lt;").Replace(value)
		text = "<PARAMETER>\n<script value=\"true\"/>\n<" + key + " value=\"" + value + "\"/>\n</PARAMETER>\n"
	case Script:
		base.File, base.Command, base.Shebang = "job.sh", "", []string{"/bin/sh"}
		text = "#!/bin/sh\n\n#QM " + key + " : " + value + "\ntrue\n"
	default:
		base.File = "proc_config.cfg"
		text = "[QMOptions]\nscript = true\n" + key + " = " + strings.ReplaceAll(value, "%", "%%") + "\n"
	}
	return base.File, text, base
}

func TestEveryKeyInEveryFormat(t *testing.T) {
	for _, c := range valueCases {
		for _, format := range []Format{CFG, XML, Script} {
			name, text, want := writeIn(format, c.key, c.value)
			got, err := Parse(name, []byte(text))
			if c.want == nil {
				k, _ := keyOf(c.key)
				message := name + ", line 3: " + c.key + ` = "` + c.value + `": ` + c.message + format.example(k.name, k.example)
				if err == nil || err.Error() != message {
					t.Errorf("%s: error\n%v, want\n%s", text, err, message)
				}
			} else {
				c.want(&want)
				if err != nil {
					t.Errorf("%s: %v", text, err)
				}
			}
			if c.key == "colour" && format == Script {
				want.Warnings = []string{"job.sh, line 3: colour is no key of QM and is ignored"}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s:\n got %+v\nwant %+v", text, got, want)
			}
		}
	}
}

func TestBadAddressIsAWarning(t *testing.T) {
	for _, address := range []string{"nobody", "a@", "@b", "Me <a@b.c>", "a@b.c, d@e.f", "a b@c", strings.Repeat("a", 251) + "@b.c"} {
		info, err := Parse("q.cfg", []byte("[QMOptions]\nscript = true\ne-mail = "+address+"\n"))
		if err != nil || info.EMail != "" || len(info.Warnings) != 1 {
			t.Errorf("%q: %q, %v, warnings %q", address, info.EMail, err, info.Warnings)
		}
	}
	info, _ := Parse("q.cfg", []byte("[QMOptions]\nscript = true\ne-mail = nobody\n"))
	want := `q.cfg, line 3: e-mail = "nobody": not one bare address, so no mail will be sent; write one address such as e_mail = me@example.org`
	if got := strings.Join(info.Warnings, "\n"); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

func TestAllFaultsAtOnceAndTheRestKept(t *testing.T) {
	info, err := Parse("q.cfg", []byte("[QMOptions]\nscript = true\nnb_proc = two\ne_mail = a@b.c\nmemory = 4\nstray\n"))
	want := `q.cfg, line 3: nb_proc = "two": not a positive integer; write a number such as nb_proc = 2
q.cfg, line 5: memory = "4": a bare number: say the unit (K, M, G or T); write an amount with its unit such as memory = 4G
q.cfg, line 6: "stray" is no key with a value; write key = value, indent it if it continues the line above, or put # before it`
	if err == nil || err.Error() != want {
		t.Errorf("error\n%v, want\n%s", err, want)
	}
	var refused *Refusal
	if !errors.As(err, &refused) || refused.Line != 3 || refused.Key != "nb_proc" || refused.Value != "two" || refused.File != "q.cfg" {
		t.Errorf("refusal %+v", refused)
	}
	if info.EMail != "a@b.c" || info.Command != "true" || info.NbProc != 1 {
		t.Errorf("info %+v", info)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	names := []string{"proc_config.cfg", "infos.xml", "job.sh"}
	_, err = Read(root, names)
	if !errors.Is(err, ErrNoInfoFile) || err.Error() != "no info file: put proc_config.cfg or infos.xml or job.sh into the folder" {
		t.Errorf("empty folder: %v", err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("job.sh", "#!/bin/sh\n#QM nb_proc : 3\n")
	if info, err := Read(root, names); err != nil || info.File != "job.sh" || info.Format != Script || info.NbProc != 3 {
		t.Errorf("job.sh: %+v, %v", info, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "infos.xml"), 0o700); err != nil {
		t.Fatal(err)
	}
	var refused *Refusal
	if _, err := Read(root, names); !errors.As(err, &refused) || err.Error() != "infos.xml: not a regular file; put a text file in its place" {
		t.Errorf("a folder: %v", err)
	}
	write("proc_config.cfg", "[QMOptions]\nscript = a\n"+strings.Repeat("#\n", MaxSize/2))
	if _, err := Read(root, names); !errors.As(err, &refused) || err.Error() != "proc_config.cfg: over 1 MiB; keep data in files of its own" {
		t.Errorf("large: %v", err)
	}
	write("proc_config.cfg", "[QMOptions]\nscript = a\n")
	if info, err := Read(root, names); err != nil || info.Command != "a" {
		t.Errorf("cfg: %+v, %v", info, err)
	}
}
