package jobinfo

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestTheReadmeListsTheKeys(t *testing.T) {
	data, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(data), "| key | meaning |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var listed, there []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(table, -1) {
		listed = append(listed, m[1])
	}
	for _, k := range keys {
		there = append(there, k.name)
	}
	slices.Sort(listed)
	slices.Sort(there)
	if !slices.Equal(listed, there) {
		t.Errorf("the README lists the keys\n%q, and there are\n%q", listed, there)
	}
}
