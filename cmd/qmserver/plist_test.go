package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestPlists: what launchd is given is well-formed, with a value for each key, and
// starts our programs with options that they know.
func TestPlists(t *testing.T) {
	for _, program := range []string{"qmserver", "qmweb"} {
		values := plist(t, "../../config/"+program+".plist")
		if values["Label"] != program || values["RunAtLoad"] != "true" {
			t.Errorf("%s: %v", program, values)
		}
		args := strings.Fields(values["ProgramArguments"])
		if len(args) != 3 || args[0] != "/usr/local/bin/"+program || args[1] != "-config" {
			t.Errorf("%s: arguments %q", program, args)
		}
		if program != "qmserver" {
			continue
		}
		if values["AbandonProcessGroup"] != "true" {
			t.Error("jobs would end with the server")
		}
		if _, err := parseFlags(args[1:]); err != nil {
			t.Error(err)
		}
	}
}

// plist returns the keys of the outermost dict with the texts of their values.
func plist(t *testing.T, name string) map[string]string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	values := make(map[string]string)
	var path []string
	key := ""
	d := xml.NewDecoder(f)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return values
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			path = append(path, token.Name.Local)
			if slices.Contains([]string{"true", "false"}, token.Name.Local) && len(path) == 3 {
				values[key] = token.Name.Local
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			text := strings.TrimSpace(string(token))
			switch {
			case text == "" || len(path) < 3:
			case len(path) == 3 && path[2] == "key":
				key = text
				values[key] = ""
			default:
				values[key] = strings.TrimSpace(values[key] + " " + text)
			}
		}
	}
}
