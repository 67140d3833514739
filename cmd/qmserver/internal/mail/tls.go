package mail

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"runtime"
)

func isTLS(err error) bool {
	_, verify := errors.AsType[*tls.CertificateVerificationError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	return verify || record || alert
}

// tlsRemedy says what helps where TLS failed.
func tlsRemedy(err error, opt Options) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		remedy := "have this machine trust who signed its certificate"
		if runtime.GOOS != "windows" && runtime.GOOS != "darwin" { // there Go asks the system alone
			remedy += ", or name a file with that one's in SSL_CERT_FILE"
		}
		return remedy
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "write smtp_host as in its certificate"
	}
	if bad, ok := errors.AsType[x509.CertificateInvalidError](err); ok && bad.Reason == x509.Expired {
		return "its certificate has to be renewed, or a clock goes wrong"
	}
	if opt.TLS == Implicit {
		return "it may want smtp_tls = starttls"
	}
	return "see smtp_tls"
}
