package main

import (
	"errors"
	"log/slog"

	"qm/cmd/qmweb/internal/access"
	"qm/cmd/qmweb/internal/config"
	"qm/cmd/qmweb/internal/confine"
)

// What whoever runs qmweb has to know, in the log and on the page.
const (
	rootWarning = "qmweb runs as root. It shows only what everybody may read, and it should run as a user of its own that can read the tree and no more."
	openWarning = "Everyone who reaches this address can read all jobs: there is no password. qmweb -password makes a line for a Password_file."
)

// logExposure logs what is open that should not be.
func logExposure(c config.Config, gate *access.Gate, log *slog.Logger) {
	if c.Public() && gate == nil {
		log.Warn("open to others", "host", c.Host, "note", openWarning)
	}
	if gate != nil && c.Public() && c.TLSCert == "" {
		log.Warn("passwords cross the network in the clear", "host", c.Host, "note", "set TLS_cert and TLS_key, or let only a reverse proxy with TLS reach this address")
	}
	if gate != nil && gate.Exposed() {
		log.Warn("others may read the password file", "file", c.PasswordFile, "note", "chmod 600 keeps the hashes from being guessed at")
	}
}

// confineTo gives up what is not needed to show the tree, and logs what could
// be done to it.
func confineTo(c config.Config, log *slog.Logger) {
	if confine.Root() {
		log.Warn("runs as root", "note", rootWarning)
	}
	var files []string
	for _, f := range []string{c.PasswordFile, c.TLSCert, c.TLSKey} {
		if f != "" {
			files = append(files, f)
		}
	}
	writable, unknown := confine.Writable(c.Tree)
	version, folders, err := confine.Confine(c.Tree, files...)
	switch {
	case err == nil && unknown != nil:
		log.Info("confined to reading", "landlock", version, "folders", folders, "writable_without", "not known", "error", unknown)
		return
	case err == nil:
		log.Info("confined to reading", "landlock", version, "folders", folders, "writable_without", writable)
		return
	case errors.Is(err, confine.ErrNoLandlock):
		log.Info("not confined", "note", err)
	default:
		log.Warn("not confined", "error", err)
	}
	if unknown != nil {
		log.Info("not known whether it could write to the tree", "error", unknown)
	} else if len(writable) > 0 {
		log.Warn("could write to the tree", "folders", writable, "note", "qmweb never does; run it as a user who can't")
	} else {
		log.Info("can't write to the tree", "tree", c.Tree)
	}
}
