package jobinfo

import (
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
)

func TestXML(t *testing.T) {
	text := `<?xml version="1.0"?>
<!-- a job -->
<!DOCTYPE PARAMETER SYSTEM "http://127.0.0.1:1/none.dtd">
<PARAMETER version="1">
  <script value="python3 a.py &quot;x y&quot; &lt; in &amp;&amp; true"/>
  <NB_PROC value=" 2 "></NB_PROC>
  <e-mail value="a@b.c"/>
  <info>
    two words
  </info>
  <proc><nb_gpu value="3"/><size value="9"/></proc>
  <size
     value="50"
     unit="atoms"/>
  text of the user's own
</PARAMETER>
`
	info, err := Parse("infos.XML", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if info.Command != `python3 a.py "x y" < in && true` || info.NbProc != 2 || info.EMail != "a@b.c" ||
		info.Info != "two words" || info.Size != "50" || info.NbGPU != 0 || len(info.Warnings) != 0 {
		t.Errorf("%+v", info)
	}
}

func TestXMLEncodings(t *testing.T) {
	document := func(name string) string {
		return `<?xml version='1.0' encoding="` + name + `"?>` + "\n<PARAMETER><script value='true'/><info value='Grüße'/></PARAMETER>"
	}
	latin1, _ := charmap.ISO8859_1.NewEncoder().String(document("iso-8859-1"))
	windows, _ := charmap.Windows1252.NewEncoder().String(strings.Replace(document("windows-1252"), "ü", "–", 1))
	kana, _ := japanese.ShiftJIS.NewEncoder().String(strings.Replace(document("Shift_JIS"), "Grüße", "かな", 1))
	utf16le := []byte{0xff, 0xfe}
	utf16be := []byte{0xfe, 0xff}
	for _, u := range utf16.Encode([]rune(document("UTF-16"))) {
		utf16le = append(utf16le, byte(u), byte(u>>8))
		utf16be = append(utf16be, byte(u>>8), byte(u))
	}
	tests := []struct{ data, want string }{
		{document("UTF-8"), "Grüße"},
		{document("utf8"), "Grüße"},
		{"\xef\xbb\xbf" + document("utf-8"), "Grüße"},
		{latin1, "Grüße"},
		{windows, "Gr–ße"},
		{kana, "かな"},
		{string(utf16le), "Grüße"},
		{string(utf16be), "Grüße"},
	}
	for _, test := range tests {
		info, err := Parse("i.xml", []byte(test.data))
		if err != nil || info.Info != test.want || len(info.Warnings) != 0 {
			t.Errorf("%q: %q, %v, %q", test.data, info.Info, err, info.Warnings)
		}
	}
	info, err := Parse("i.xml", []byte("<PARAMETER><script value='true'/>\n<info value='Gr\xfc\xdfe'/></PARAMETER>"))
	if err != nil || info.Info != "Grüße" || len(info.Warnings) != 1 {
		t.Errorf("undeclared Latin-1: %+v, %v", info, err)
	}
}

func TestXMLRefusals(t *testing.T) {
	const (
		notXML  = "; close each element and quote each value; write &lt; for < and &amp; for &"
		recode  = `; save it as UTF-8 and write encoding="UTF-8"`
		oneRoot = "; put all keys into one <PARAMETER>...</PARAMETER>"
		script  = "<script value='true'/>"
	)
	tests := []struct{ text, want string }{
		{"", "i.xml, line 1: no element <PARAMETER>; write <PARAMETER>...</PARAMETER>"},
		{"<PARAMETER/>", `i.xml: script: missing: there is nothing to run; write the command line, such as <script value="sh run.sh"/>`},
		{"<PARAMETER><x>" + script + "</x></PARAMETER>", `i.xml: script: missing: there is nothing to run; write the command line, such as <script value="sh run.sh"/>`},
		{"<parameter>" + script + "</parameter>", "i.xml, line 1: element <parameter> where only one <PARAMETER> may stand" + oneRoot},
		{"<PARAMETER>" + script + "</PARAMETER>\n<PARAMETER/>", "i.xml, line 2: element <PARAMETER> where only one <PARAMETER> may stand" + oneRoot},
		{"<PARAMETER>" + script + "</PARAMETER>\nx", "i.xml, line 1: text outside <PARAMETER>; remove it"},
		{"<PARAMETER>" + script + "\n<e-mail value='a@b.c'/>\n<e_mail value='a@b.c'/></PARAMETER>", `i.xml, line 3: e_mail = "a@b.c": given twice (also in line 2); remove one of the two`},
		{"<PARAMETER>" + script + "\n<nb_proc value='1' value='2'/></PARAMETER>", `i.xml, line 2: nb_proc = "1": the attribute value stands twice; remove one of the two`},
		{"<PARAMETER>" + script + "\n<info value='a&#xA;b'/></PARAMETER>", `i.xml, line 2: info = "a b": holds a line break; write it in one line`},
		{"<PARAMETER>" + script + "\n<info value='a&#x85;b'/></PARAMETER>", `i.xml, line 2: info = "a\u0085b": holds the control character U+0085; remove it, or save the file as UTF-8 if it is a letter of another encoding`},
		{"<PARAMETER>\r\n" + script + "\r\n<info value=x/></PARAMETER>", "i.xml, line 3: not well-formed XML: unquoted or missing attribute value in element" + notXML},
		{"<PARAMETER>\n<script value='a && b'/></PARAMETER>", "i.xml, line 2: not well-formed XML: invalid character entity & (no semicolon)" + notXML},
		{"<!DOCTYPE P [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><PARAMETER>\n<info value='&e;'/></PARAMETER>", "i.xml, line 2: not well-formed XML: invalid character entity &e;" + notXML},
		{"<PARAMETER>\n" + script, "i.xml, line 2: not well-formed XML: unexpected EOF" + notXML},
		{"<PARAMETER>\n</PARAM" + strings.Repeat("E", 500) + ">", "i.xml, line 2: not well-formed XML: element <PARAMETER> closed by </PARAM" + strings.Repeat("E", 80-len("element <PARAMETER> closed by </PARAM")) + "..." + notXML},
		{"<?xml version='1.0' encoding='" + strings.Repeat("x", 500) + "'?><PARAMETER/>", `i.xml, line 1: unknown encoding "` + strings.Repeat("x", 80) + `..."` + recode},
		{"<PARAMETER>\n\x00</PARAMETER>", "i.xml, line 2: holds the control character U+0000; remove it"},
		{"<?xml version='1.0' encoding='klingon'?><PARAMETER/>", `i.xml, line 1: unknown encoding "klingon"` + recode},
		{"<?xml version='1.0' encoding='UTF-16'?><PARAMETER/>", "i.xml, line 1: its bytes are not UTF-16" + recode},
		{"<?xml version='1.0' encoding='EUC-JP'?><PARAMETER>\xff</PARAMETER>", "i.xml, line 1: its bytes are not EUC-JP" + recode},
		{strings.Repeat(" ", MaxSize+1), "i.xml: over 1 MiB; keep data in files of its own"},
	}
	for _, test := range tests {
		_, err := Parse("i.xml", []byte(test.text))
		if err == nil || err.Error() != test.want {
			t.Errorf("%.90q: error\n%v, want\n%s", test.text, err, test.want)
		}
	}
}
