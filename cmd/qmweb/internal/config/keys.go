package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// reader collects what the sections hold.
type reader struct {
	file   string
	c      Config
	faults jobinfo.Refusals
	given  map[string]jobinfo.Value // of qmweb's own section, by the key's name
}

// key is a key as documented and what takes its value. What take returns says
// what is wrong with the value, and what to do.
type key struct {
	name string
	take func(r *reader, value string) *fault
}

type fault struct{ problem, remedy string }

var serverKeys = []key{
	{"QM_FOLDER", takeTree},
	{"job_file", takeInfoNames},
}

var webKeys = []key{
	{"Host", takeHost},
	{"The_Port", takePort},
	{"Refresh_Rate", takeRefresh},
	{"Display_details", takeBool(func(c *Config) *bool { return &c.Details })},
	{"Debug", takeBool(func(c *Config) *bool { return &c.Debug })},
	{"Delete_Jobs", takeReadOnly},
	{"Licence_to_kill", takeReadOnly},
	{"Path_prefix", takePrefix},
	{"Allowed_hosts", takeAllowedHosts},
	{"User", takeUser},
	{"Password_file", takePath(func(c *Config) *string { return &c.PasswordFile })},
	{"TLS_cert", takePath(func(c *Config) *string { return &c.TLSCert })},
	{"TLS_key", takePath(func(c *Config) *string { return &c.TLSKey })},
}

// WebKeys are the names of the keys of qmweb's own section.
func WebKeys() []string {
	names := make([]string, len(webKeys))
	for i, k := range webKeys {
		names[i] = k.name
	}
	return names
}

func (r *reader) read(s *jobinfo.Section, keys []key) {
	for _, k := range keys {
		v, ok, err := s.Get(k.name)
		if !ok {
			continue
		}
		if refused, ok := errors.AsType[*jobinfo.Refusal](err); ok {
			r.faults = append(r.faults, refused)
			continue
		}
		r.given[k.name] = v
		if f := k.take(r, v.Text); f != nil {
			r.faults = append(r.faults, &jobinfo.Refusal{
				File: r.file, Line: v.Line, Key: k.name, Value: v.Text, Problem: f.problem, Remedy: f.remedy,
			})
		}
	}
}

// warnUnknown warns of each key of the section that is none of webKeys.
func (r *reader) warnUnknown(s *jobinfo.Section) {
	known := WebKeys()
	for _, k := range s.Keys() {
		if slices.ContainsFunc(known, func(name string) bool { return strings.EqualFold(name, k.Name) }) {
			continue
		}
		warning := fmt.Sprintf("%s, line %d: [%s] has no key %s", r.file, k.Line, s.Name, layout.Display(k.Name))
		if near := jobinfo.Nearest(k.Name, known); near != "" {
			warning += "; did you mean " + near + "?"
		}
		r.c.Warnings = append(r.c.Warnings, warning)
	}
}

func takeTree(r *reader, value string) *fault {
	if value == "" {
		return &fault{"no folder is named", "write a path such as QM_FOLDER = QM"}
	}
	r.c.Tree = value
	if !filepath.IsAbs(value) {
		r.c.Tree = filepath.Join(filepath.Dir(r.file), value)
	}
	return nil
}

func takeInfoNames(r *reader, value string) *fault {
	names := list(value)
	for _, name := range names {
		if name == "." || name == ".." || strings.ContainsAny(name, `/\`) {
			return &fault{fmt.Sprintf("%q is not the name of a file in the job's folder", name), "write names such as job_file = proc_config.cfg, infos.xml"}
		}
	}
	if len(names) == 0 {
		return &fault{"no file is named", "write a name such as job_file = proc_config.cfg"}
	}
	r.c.InfoNames = names
	return nil
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$`)

func isHost(s string) bool { return net.ParseIP(s) != nil || hostName.MatchString(s) }

func takeHost(r *reader, value string) *fault {
	value = strings.TrimSuffix(strings.TrimPrefix(value, "["), "]")
	if value != "" && !isHost(value) {
		return &fault{"not the name or address of a machine", "write it without port, such as Host = localhost; the port is The_Port"}
	}
	r.c.Host = value
	return nil
}

func takePort(r *reader, value string) *fault {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > 65535 {
		return &fault{"not a port", "write a number from 1 to 65535, or 0 for any free one"}
	}
	r.c.Port = n
	return nil
}

func takeRefresh(r *reader, value string) *fault {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > 86400 {
		return &fault{"not a number of seconds", "write a number from 1 to 86400 such as Refresh_Rate = 20"}
	}
	r.c.Refresh = time.Duration(n) * time.Second
	return nil
}

func takeBool(field func(*Config) *bool) func(*reader, string) *fault {
	return func(r *reader, value string) *fault {
		b, f := parseBool(value)
		if f == nil {
			*field(&r.c) = b
		}
		return f
	}
}

func parseBool(value string) (bool, *fault) {
	switch strings.ToLower(value) {
	case "yes", "true", "on", "1":
		return true, nil
	case "no", "false", "off", "0":
		return false, nil
	}
	return false, &fault{"neither yes nor no", "write True or False"}
}

const readOnly = "Delete_Jobs and Licence_to_kill have no effect: qmweb only reads; " +
	"how to stop, take back and remove jobs with the file manager stands in the README"

// takeReadOnly accepts what allowed the original's page to change things.
func takeReadOnly(r *reader, value string) *fault {
	_, f := parseBool(value)
	if f == nil && !slices.Contains(r.c.Warnings, readOnly) {
		r.c.Warnings = append(r.c.Warnings, readOnly)
	}
	return f
}

var pathPrefix = regexp.MustCompile(`^(/[A-Za-z0-9_~.-]*[A-Za-z0-9_~-][A-Za-z0-9_~.-]*)*$`)

func takePrefix(r *reader, value string) *fault {
	value = strings.TrimSuffix(value, "/")
	if !pathPrefix.MatchString(value) {
		return &fault{"not the beginning of a path", "write letters, digits and - _ . ~ behind slashes, such as Path_prefix = /qm"}
	}
	r.c.Prefix = value
	return nil
}

func takeAllowedHosts(r *reader, value string) *fault {
	var hosts []string
	for _, h := range list(value) {
		h = strings.TrimSuffix(strings.TrimPrefix(h, "["), "]")
		if !isHost(h) {
			return &fault{fmt.Sprintf("%q is not the name or address of a machine", h), "write them without port, separated by commas, such as Allowed_hosts = localhost, qm.example.org"}
		}
		hosts = append(hosts, h)
	}
	if len(hosts) == 0 {
		return &fault{"no name is given", "write names separated by commas, or leave the line out"}
	}
	r.c.AllowedHosts = hosts
	return nil
}

func takeUser(r *reader, value string) *fault {
	if strings.Contains(value, ":") {
		return &fault{"a user's name has no colon", "write the name alone, such as User = lab; the password's hash stands in Password_file"}
	}
	r.c.User = value
	return nil
}

// takePath takes the path of a file, relative to the configuration's folder.
func takePath(field func(*Config) *string) func(*reader, string) *fault {
	return func(r *reader, value string) *fault {
		if value != "" && !filepath.IsAbs(value) {
			value = filepath.Join(filepath.Dir(r.file), value)
		}
		*field(&r.c) = value
		return nil
	}
}

// checkPairs refuses keys that mean nothing without another one: to run
// without what they ask for would be worse than not to run.
func (r *reader) checkPairs() {
	for _, p := range []struct{ key, needs, remedy string }{
		{"User", "Password_file", "write Password_file = FILE; qmweb -password prints a line for it"},
		{"TLS_cert", "TLS_key", "write TLS_key = FILE, with the certificate's key"},
		{"TLS_key", "TLS_cert", "write TLS_cert = FILE, with the certificate"},
	} {
		if v := r.given[p.key]; v.Text != "" && r.given[p.needs].Text == "" {
			r.faults = append(r.faults, &jobinfo.Refusal{
				File: r.file, Line: v.Line, Key: p.key, Value: v.Text, Problem: "it means nothing without " + p.needs, Remedy: p.remedy,
			})
		}
	}
	slices.SortStableFunc(r.faults, func(a, b *jobinfo.Refusal) int { return cmp.Compare(a.Line, b.Line) })
}

func list(value string) []string {
	var items []string
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
