package jobinfo

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParseINI asks for what Python promises of any file too: each key that is
// listed has a value in one line, or a refusal.
func FuzzParseINI(f *testing.F) {
	for _, c := range committedCases(f) {
		f.Add(c.data())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := ParseINI("f", data)
		checkError(t, err)
		for _, name := range file.Sections() {
			section, ok := file.Section(name)
			if !ok {
				t.Fatalf("section %q is listed and not there", name)
			}
			for _, key := range section.Keys() {
				value, ok, err := section.Get(key.Name)
				if !ok || value.Line != key.Line {
					t.Fatalf("key %+v: %+v, %t", key, value, ok)
				}
				if err == nil && (strings.ContainsAny(value.Text, "\n\r"+lineBreak) || !utf8.ValidString(value.Text)) {
					t.Fatalf("key %+v: %q", key, value.Text)
				}
			}
		}
	})
}

func FuzzParseCFG(f *testing.F) {
	for _, c := range committedCases(f) {
		f.Add([]byte(strings.ReplaceAll(c.Text, "[S]", "[QMOptions]")))
	}
	addValues(f, CFG)
	f.Fuzz(func(t *testing.T, data []byte) { checkParse(t, "f.cfg", data) })
}

func FuzzParseXML(f *testing.F) {
	f.Add([]byte("<?xml version='1.0' encoding='iso-8859-1'?><PARAMETER><script>a\nb</script><e-mail value='\xfc'/></PARAMETER>"))
	f.Add([]byte("\xff\xfe<\x00P\x00"))
	addValues(f, XML)
	f.Fuzz(func(t *testing.T, data []byte) { checkParse(t, "f.xml", data) })
}

func FuzzParseScript(f *testing.F) {
	f.Add([]byte("#!/bin/sh -x\r\n#SBATCH -n2 -c 3 --time=1-2:3 --gres=gpu:a:1,x -J 'a b' \\x # c\n#QM info = a\ntrue\n#QM x"))
	addValues(f, Script)
	f.Fuzz(func(t *testing.T, data []byte) { checkParse(t, "f.sh", data) })
}

func addValues(f *testing.F, format Format) {
	for _, c := range valueCases {
		_, text, _ := writeIn(format, c.key, c.value)
		f.Add([]byte(text))
	}
}

// checkParse asks for a valid Info, with an error or without.
func checkParse(t *testing.T, name string, data []byte) {
	info, err := Parse(name, data)
	checkError(t, err)
	if info.NbProc < 1 || info.NbGPU < 0 || info.Limit < 0 || info.Memory < 0 || info.MaxLog < 0 || info.File != name {
		t.Fatalf("%+v", info)
	}
	if err == nil && (info.Format == Script) != (info.Command == "") {
		t.Fatalf("no command, no error: %+v", info)
	}
	if len(info.Warnings) > maxFaults+2 || len(info.EMail) > 254 {
		t.Fatalf("%+v", info)
	}
	for _, text := range []string{info.Command, info.EMail, info.Info, info.Size, strings.Join(info.After, "")} {
		if strings.ContainsAny(text, "\n\r\x00\x1b") || !utf8.ValidString(text) {
			t.Fatalf("%q", text)
		}
	}
}

func checkError(t *testing.T, err error) {
	var all Refusals
	if err == nil {
		return
	}
	if !errors.As(err, &all) || len(all) == 0 {
		t.Fatalf("an error that is no refusal: %v", err)
	}
	for _, r := range all {
		if message := r.Error(); r.Problem == "" || len(message) > 2000 || strings.Contains(message, "\n") {
			t.Fatalf("message %q", message)
		}
	}
}

func FuzzLastProgress(f *testing.F) {
	f.Add([]byte("\r 42%|##   | 21/50 [00:10<00:14, 2.0it/s]\r12/11/2025\n/a/1/2\ntime: 3.5\n\x1b[32m7 %"))
	f.Fuzz(func(t *testing.T, tail []byte) {
		p, ok := LastProgress(tail)
		if p.Percent < 0 || p.Percent > 100 || p.Done < 0 || p.Done > p.Total || !ok && p != (Progress{}) {
			t.Fatalf("%+v, %t", p, ok)
		}
		if seconds, _ := LastTime(tail); seconds < 0 {
			t.Fatal(seconds)
		}
	})
}
