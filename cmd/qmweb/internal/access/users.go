// Package access tells who may look at the pages: the users of a password
// file, whose passwords are bcrypt hashes.
package access

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

const (
	cost        = 12 // of new hashes: a quarter of a second
	maxCost     = 14 // of those in a file: each log-in has to wait for it
	maxPassword = 72 // bytes that bcrypt takes
	maxFile     = 1 << 20
)

const remedy = "write one line for each user, as qmweb -password prints it"

// parse reads the content of a password file: lines of USER:HASH, empty ones,
// and comments behind #. It tells all faults at once, and no hash.
func parse(path string, data []byte) (map[string][]byte, error) {
	users := make(map[string][]byte)
	var faults jobinfo.Refusals
	for i, line := range bytes.Split(data, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		name, hash, _ := strings.Cut(string(line), ":")
		if problem := lineProblem(users, name, hash); problem != "" {
			faults = append(faults, &jobinfo.Refusal{File: path, Line: i + 1, Problem: problem, Remedy: remedy})
			continue
		}
		users[name] = []byte(hash)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	if len(users) == 0 {
		return nil, &jobinfo.Refusal{File: path, Problem: "it names no user, so nobody could look", Remedy: remedy}
	}
	return users, nil
}

func lineProblem(users map[string][]byte, name, hash string) string {
	if problem := nameProblem(name); problem != "" {
		return problem
	}
	if _, twice := users[name]; twice {
		return fmt.Sprintf("the user %s is there twice", layout.Display(name))
	}
	switch n, err := bcrypt.Cost([]byte(hash)); {
	case err != nil:
		return "behind the user's name and a colon stands no bcrypt hash"
	case n > maxCost:
		return fmt.Sprintf("the hash has a cost of %d; more than %d takes too long", n, maxCost)
	}
	return ""
}

func nameProblem(name string) string {
	switch {
	case name == "":
		return "there is no user's name"
	case strings.ContainsAny(name, ":\n\r") || layout.Display(name) != name:
		return "a user's name has neither colons nor what can't be printed"
	}
	return ""
}

// Line returns the line for the password file. The error says what is wrong
// with the name or the password.
func Line(name string, password []byte) (string, error) {
	switch problem := nameProblem(name); {
	case problem != "":
		return "", errors.New(problem)
	case len(password) == 0:
		return "", errors.New("there is no password")
	case len(password) > maxPassword:
		return "", fmt.Errorf("a password has at most %d bytes", maxPassword)
	}
	hash, err := bcrypt.GenerateFromPassword(password, cost)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return name + ":" + string(hash), nil
}

// readUsers reads a password file.
func readUsers(path string) (map[string][]byte, os.FileInfo, error) {
	info, err := os.Stat(path)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxFile) {
		err = layout.ErrNotRegular
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read Password_file: %w; make one with qmweb -password", err)
	}
	users, err := parse(path, data)
	return users, info, err
}
