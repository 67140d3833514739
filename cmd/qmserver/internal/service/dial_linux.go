package service

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// dial returns what sends a datagram to that address, a path or, behind an @,
// an abstract name. The socket stays open as long as the process.
func dial(address string) (send func(message string) error, err error) {
	if address[0] != '/' && address[0] != '@' {
		return nil, fmt.Errorf("use NOTIFY_SOCKET %q: neither a path nor an abstract name", address)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	to := &unix.SockaddrUnix{Name: address}
	return func(message string) error {
		if err := unix.Sendto(fd, []byte(message), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, to); err != nil {
			return fmt.Errorf("send to %s: %w", address, err)
		}
		return nil
	}, nil
}
