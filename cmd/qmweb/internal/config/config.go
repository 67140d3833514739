// Package config reads what qmweb has to know from the configuration file that
// it shares with qmserver.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"qm/pkg/jobinfo"
)

// DefaultFile is read from the working directory where no file is named. It
// need not be there.
const DefaultFile = "QMserv.cfg"

// The sections: qmweb's own, and qmserver's, which says where the tree is.
const (
	webSection    = "WEB_QMserver"
	serverSection = "QMServer"
)

// Config is a configuration in which everything is set and valid.
type Config struct {
	Tree         string   // path of the tree, as it is to be opened
	InfoNames    []string // names that an info file may have
	Host         string   // to listen on; empty: all addresses
	Port         int      // 0: any free one
	Refresh      time.Duration
	Details      bool     // show the jobs' commands on the status page
	Debug        bool     // log each request
	Prefix       string   // of all paths: empty, or /so/and/so without a slash at its end
	AllowedHosts []string // that a request may name, without port
	User         string   // the one who may log in; empty: all of PasswordFile
	PasswordFile string   // path; empty: everyone may look
	TLSCert      string   // path; empty: no TLS
	TLSKey       string
	Warnings     []string // to log at start, in words
}

// Default is the configuration without a file.
func Default() Config {
	return Config{
		Tree:      "QM",
		InfoNames: []string{"proc_config.cfg", "infos.xml", "job.sh"},
		Host:      "localhost",
		Port:      8000,
		Refresh:   20 * time.Second,
	}
}

// Load reads a file; an empty path means DefaultFile if that exists, else the
// built-in default. The error tells all faults of the file at once, each with
// its line and remedy.
func Load(path string) (Config, error) {
	named := path != ""
	if !named {
		path = DefaultFile
	}
	data, err := os.ReadFile(path)
	if !named && errors.Is(err, fs.ErrNotExist) {
		c := Default()
		c.complete()
		return c, nil
	}
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w; name one that exists by -config FILE", err)
	}
	return Parse(path, data)
}

// Parse reads the content of the file with this path.
func Parse(path string, data []byte) (Config, error) {
	file, err := jobinfo.ParseINI(path, data)
	if err != nil {
		return Config{}, err
	}
	r := reader{file: path, c: Default(), given: make(map[string]jobinfo.Value)}
	r.c.Tree = filepath.Join(filepath.Dir(path), r.c.Tree)
	r.c.Warnings = append(r.c.Warnings, file.Warnings...)
	if s, ok := file.Section(serverSection); ok {
		r.read(s, serverKeys)
	}
	if s, ok := file.Section(webSection); ok {
		r.read(s, webKeys)
		r.warnUnknown(s)
	}
	r.checkPairs()
	if len(r.faults) > 0 {
		return Config{}, r.faults
	}
	r.c.complete()
	return r.c, nil
}

// complete sets what follows from the rest.
func (c *Config) complete() {
	if len(c.AllowedHosts) > 0 {
		return
	}
	c.AllowedHosts = []string{"localhost", "127.0.0.1", "::1"}
	if c.Host != "" {
		c.AllowedHosts = append(c.AllowedHosts, c.Host)
	}
	if name, err := os.Hostname(); err == nil {
		c.AllowedHosts = append(c.AllowedHosts, name)
	}
}

// Public tells that others than this machine's own users can reach the page.
func (c *Config) Public() bool {
	ip := net.ParseIP(c.Host)
	return c.Host != "localhost" && (ip == nil || !ip.IsLoopback())
}
