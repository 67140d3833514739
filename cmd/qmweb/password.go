package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"os/user"

	"golang.org/x/term"

	"qm/cmd/qmweb/internal/access"
)

// printPassword prints the line of a user for the password file. At a terminal
// it asks twice without echo; else it reads one line.
func printPassword(name string, in *os.File, out, prompts io.Writer) error {
	if name == "" {
		self, err := user.Current()
		if err != nil {
			return fmt.Errorf("find out who you are: %w; write qmweb -password USER", err)
		}
		name = self.Username
	}
	read := readLine
	if term.IsTerminal(int(in.Fd())) {
		read = func(in *os.File) ([]byte, error) { return askTwice(name, in, prompts) }
	}
	password, err := read(in)
	if err != nil {
		return err
	}
	line, err := access.Line(name, password)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, line)
	return err
}

func readLine(in *os.File) ([]byte, error) {
	const most = 4096
	line, err := bufio.NewReader(io.LimitReader(in, most)).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read password: %w", err)
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

func askTwice(name string, in *os.File, prompts io.Writer) ([]byte, error) {
	defer echoAfterInterrupt(in)()
	var given [2][]byte
	for i, prompt := range []string{"Password of " + name + ": ", "Once more: "} {
		fmt.Fprint(prompts, prompt)
		password, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(prompts)
		if err != nil {
			return nil, fmt.Errorf("read password: %w", err)
		}
		given[i] = password
	}
	if !bytes.Equal(given[0], given[1]) {
		return nil, errors.New("the two passwords differ")
	}
	return given[0], nil
}

// echoAfterInterrupt lets Ctrl-C end the program with the terminal as it was.
// What it returns ends that.
func echoAfterInterrupt(in *os.File) (end func()) {
	before, err := term.GetState(int(in.Fd()))
	if err != nil {
		return func() {}
	}
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	go func() {
		if _, interrupted := <-interrupts; interrupted {
			_ = term.Restore(int(in.Fd()), before) // nothing is left to be done about it
			os.Exit(exitFailed)
		}
	}()
	return func() {
		signal.Stop(interrupts)
		close(interrupts)
	}
}
