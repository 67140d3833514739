package jobinfo

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"qm/pkg/layout"
)

var (
	bareNumber = layout.Pattern(`^[0-9]+(\.[0-9]+)?$`)

	unitTime  = layout.Pattern(`^(?i)(?:([0-9]+) *d)? *(?:([0-9]+) *h)? *(?:([0-9]+) *m)? *(?:([0-9]+) *s)?$`)
	clockTime = layout.Pattern(`^(?:([0-9]+)-)?([0-9]+):([0-5][0-9]):([0-5][0-9])$`)

	amount = layout.Pattern(`^(?i)([0-9]+)(?:\.([0-9]{1,6}))? *([KMGT])(?:i?B)?$`)
)

var (
	errTimeUnit = errors.New("a bare number: say the unit (s, m, h or d)")
	errNoTime   = errors.New("not a time")
	errLongTime = errors.New("a longer time than can be counted")
	errByteUnit = errors.New("a bare number: say the unit (K, M, G or T)")
	errNoAmount = errors.New("not an amount of bytes")
	errLarge    = errors.New("a larger amount than can be counted")
	errZero     = errors.New("not more than 0")
)

// ParseTime reads 90s, 2h30m, 3d, 1d12h, HH:MM:SS (any number of hours) and
// D-HH:MM:SS (hours below 24). The result is more than 0.
func ParseTime(value string) (time.Duration, error) {
	if bareNumber().MatchString(value) {
		return 0, errTimeUnit
	}
	parts := clockTime().FindStringSubmatch(value)
	if parts == nil {
		parts = unitTime().FindStringSubmatch(value)
	} else if hours, err := strconv.Atoi(parts[2]); parts[1] != "" && (err != nil || hours > 23) {
		return 0, errNoTime
	}
	if parts == nil || strings.Join(parts[1:], "") == "" {
		return 0, errNoTime
	}
	limit, err := seconds(parts[1:])
	if err == nil && limit == 0 {
		err = errZero
	}
	return limit, err
}

// seconds adds up days, hours, minutes and seconds, each possibly empty.
func seconds(parts []string) (time.Duration, error) {
	var sum float64
	for i, unit := range [...]time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if parts[i] == "" {
			continue
		}
		n, err := strconv.ParseInt(parts[i], 10, 64)
		if err != nil {
			return 0, errLongTime
		}
		sum += float64(n) * unit.Seconds()
	}
	if sum > math.MaxInt64/float64(time.Second)-1 {
		return 0, errLongTime
	}
	return time.Duration(sum) * time.Second, nil
}

// units are powers of 1024, in whatever way they are written: what asks for
// memory is best served by the larger reading.
var units = map[string]int64{"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}

// ParseBytes reads 512M, 1.5G, 4 GiB. The result is at least 1 byte; a part
// of a byte is dropped.
func ParseBytes(value string) (int64, error) {
	if bareNumber().MatchString(value) {
		return 0, errByteUnit
	}
	parts := amount().FindStringSubmatch(value)
	if parts == nil {
		return 0, errNoAmount
	}
	unit := units[strings.ToUpper(parts[3])]
	whole, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || whole > math.MaxInt64/unit {
		return 0, errLarge
	}
	n := whole * unit
	if parts[2] != "" {
		part, err := strconv.ParseFloat("0."+parts[2], 64)
		if err != nil {
			return 0, errNoAmount
		}
		n += int64(part * float64(unit))
	}
	if n == 0 {
		return 0, errZero
	}
	return n, nil
}
