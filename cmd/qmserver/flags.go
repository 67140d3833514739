package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
)

const usage = `usage: qmserver [-config FILE] [-drain]
       qmserver -check [-config FILE] [-json] FOLDER...
       qmserver -test-mail ADDRESS [-config FILE]
       qmserver -version

  -config FILE  the configuration; without it QMserv.cfg in this folder, and
                without that a tree in ./QM
  -drain        run what is queued, then end
  -check        say what each job folder would run, or why it would not
  -json         the same as JSON
  -test-mail ADDRESS
                send one mail now and say what happened
  -version      say which version this is
`

// options are what the command line says.
type options struct {
	config                      string
	drain, check, json, version bool
	help                        bool
	folders                     []string
	testMail                    string // an address
	test                        bool   // testMail was given
}

func parseFlags(args []string) (options, error) {
	var o options
	fs := flag.NewFlagSet("qmserver", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&o.config, "config", "", "")
	fs.BoolVar(&o.drain, "drain", false, "")
	fs.BoolVar(&o.check, "check", false, "")
	fs.BoolVar(&o.json, "json", false, "")
	fs.StringVar(&o.testMail, "test-mail", "", "")
	fs.BoolVar(&o.version, "version", false, "")
	err := fs.Parse(args)
	o.folders = fs.Args()
	fs.Visit(func(f *flag.Flag) { o.test = o.test || f.Name == "test-mail" })
	switch {
	case errors.Is(err, flag.ErrHelp):
		o.help = true
		return o, nil
	case err != nil:
	case o.check && len(o.folders) == 0:
		err = errors.New("-check needs the folders to check")
	case slices.ContainsFunc(o.folders, func(f string) bool { return strings.HasPrefix(f, "-") && !exists(f) }):
		err = errors.New("options come before the folders")
	case !o.check && len(o.folders) > 0:
		err = fmt.Errorf("unexpected argument %q", o.folders[0])
	case o.json && !o.check:
		err = errors.New("-json goes with -check")
	case o.check && o.drain:
		err = errors.New("-check and -drain exclude each other")
	case o.test && (o.check || o.drain):
		err = errors.New("-test-mail goes with -config alone")
	}
	if err != nil {
		return o, usageError{fmt.Errorf("%w\n%s", err, usage)}
	}
	return o, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// version is that of the module, as the go command recorded it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
