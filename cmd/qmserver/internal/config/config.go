// Package config reads the server's part of QMserv.cfg.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"qm/pkg/jobinfo"
)

// DefaultFile is the configuration that is read where none is named and one
// of this name lies in the working directory.
const DefaultFile = "QMserv.cfg"

// section is the server's own; qmweb has another in the same file.
const section = "QMServer"

// Config is what the server is told.
type Config struct {
	File string // as it was found; empty: the built-in default

	Folder          string // QM_FOLDER, absolute or relative to the working directory
	MaxNbProcessors int    // 0: all that the server may use
	LaunchType      string // "blocking", "non-blocking" or "slurm"
	JobFiles        []string
	Cluster         Cluster // how jobs are given to Slurm, with LaunchType Slurm
	MailActive      bool
	Mail            Mail // how mail is sent, with MailActive
	Debug           bool

	Order        string // "arrival" or "fair"
	Events       string // "auto" or "off"
	MinFree      int64  // bytes; 0: no limit
	Affinity     string // "auto" or "off"
	GPUs         []string
	MaxMemory    int64 // bytes; 0: 90 % of the machine's
	MaxLog       int64 // bytes; 0: no limit
	PollInterval time.Duration
	SettleTime   time.Duration
	SettleRemote time.Duration // SettleTime of a tree on a network file system
	StopGrace    time.Duration
	MaxTimeLimit time.Duration // 0: none

	RunAs string // "owner" or "self"
	Path  string // PATH of the jobs with RunAs owner

	LogFile    string // relative: to the tree
	LogMaxSize int64  // bytes
	LogKeep    int

	Warnings []string
}

// The words of launch_type, run_as, order, and of events and affinity.
const (
	Blocking    = "blocking"
	NonBlocking = "non-blocking"
	Slurm       = "slurm"

	Owner = "owner"
	Self  = "self"

	Arrival = "arrival"
	Fair    = "fair"

	Auto = "auto"
	Off  = "off"
)

// Default returns the configuration without a file: a tree in ./QM.
func Default() Config {
	return Config{
		Folder:       "QM",
		LaunchType:   NonBlocking,
		JobFiles:     append([]string{"proc_config.cfg", "infos.xml"}, scripts...),
		PollInterval: time.Second,
		SettleTime:   2 * time.Second,
		SettleRemote: 10 * time.Second,
		StopGrace:    10 * time.Second,
		RunAs:        Self,
		Order:        Arrival,
		Events:       Auto,
		Affinity:     Auto,
		Path:         "/usr/local/bin:/usr/bin:/bin",
		Mail:         Mail{Host: "localhost", TLS: "none"},
		Cluster:      Cluster{Most: 200, Every: 10 * time.Second},
		LogMaxSize:   10 << 20,
		LogKeep:      5,
	}
}

// Read reads the file, or DefaultFile if that is there and file is empty, or
// else returns Default. The error tells all faults of the file at once.
func Read(file string) (Config, error) {
	named := file != ""
	if !named {
		file = DefaultFile
	}
	data, err := read(file)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return Default(), nil
	}
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(file, data)
}

// read refuses what would block or has no end, such as a FIFO.
func read(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", file)
	}
	if info.Size() > jobinfo.MaxSize {
		return nil, fmt.Errorf("%s: larger than %d bytes, so not a configuration", file, jobinfo.MaxSize)
	}
	return os.ReadFile(file)
}

// Parse reads the content of a configuration file. The error is
// jobinfo.Refusals: all faults at once, each with line, value and remedy.
func Parse(file string, data []byte) (Config, error) {
	c := Default()
	c.File = file
	ini, err := jobinfo.ParseINI(file, data)
	var faults jobinfo.Refusals
	if err != nil && !errors.As(err, &faults) {
		return Config{}, err
	}
	c.Warnings = append(c.Warnings, ini.Warnings...)
	if s, there := ini.Section(section); there {
		faults = append(faults, c.take(s)...)
	} else if len(faults) == 0 {
		faults = append(faults, &jobinfo.Refusal{
			File: file, Problem: "the section [" + section + "] is missing",
			Remedy: "begin the server's part with a line [" + section + "]",
		})
	}
	if len(faults) > 0 {
		return Config{Warnings: c.Warnings}, faults
	}
	if !filepath.IsAbs(c.Folder) {
		c.Folder = filepath.Join(filepath.Dir(file), c.Folder)
	}
	return c, nil
}

// take reads the keys of the section, in its order.
func (c *Config) take(s *jobinfo.Section) jobinfo.Refusals {
	var faults jobinfo.Refusals
	for _, key := range s.Keys() {
		set := find(key.Name)
		if set == nil {
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s, line %d: unknown key %q%s", c.File, key.Line, key.Name, nearest(key.Name)))
			continue
		}
		value, _, err := s.Get(key.Name)
		if fault, ok := errors.AsType[*jobinfo.Refusal](err); ok {
			faults = append(faults, fault)
			continue
		}
		if err := set.read(c, value.Text); err != nil {
			faults = append(faults, &jobinfo.Refusal{
				File: c.File, Line: value.Line, Key: set.Name, Value: value.Text,
				Problem: err.Error(), Remedy: fmt.Sprintf("write %s = %s", set.Name, set.Example),
			})
			continue
		}
		c.Mail.note(set.Name, value)
	}
	sound := len(faults) == 0
	faults = append(faults, c.checkMail(sound)...)
	return append(faults, c.checkSlurm(s)...)
}
