package jobinfo

import (
	"errors"
	"fmt"
	"math"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	"qm/pkg/layout"
)

// key is a key of an info file. read stores a value, or tells what is wrong
// with it and leaves the Info as it was.
type key struct {
	name    string
	kind    string // for "write KIND such as EXAMPLE"
	example string
	read    func(info *Info, value string) error
}

var keys = [...]key{
	{"script", "the command line,", "sh run.sh", readScript},
	{"nb_proc", "a number", "2", readNbProc},
	{"e_mail", "one address", "me@example.org", readEMail},
	{"info", "a line", "first try", readInfo},
	{"priority", "a whole number", "0", readPriority},
	{"size", "a word", "1000", readJobSize},
	{"time_limit", "a time with its unit", "2h30m", readTimeLimit},
	{"memory", "an amount with its unit", "4G", readMemory},
	{"nb_gpu", "a number", "1", readNbGPU},
	{"after", "names of jobs, by comma,", "first_job, second_job", readAfter},
	{"max_log", "an amount with its unit", "100M", readMaxLog},
	{"rerun", "yes or no,", "yes", readRerun},
}

var digits = layout.Pattern(`^[0-9]+$`)

// readCount reads decimal ASCII digits. What is beyond 32 bits is refused: it
// is a slip, and not what any machine has.
func readCount(value string) (int, bool) {
	n, err := strconv.ParseInt(value, 10, 32)
	return int(n), err == nil && digits().MatchString(value)
}

func readScript(info *Info, value string) error {
	if value == "" {
		return errors.New("empty: there is nothing to run")
	}
	info.Command = value
	return nil
}

func readNbProc(info *Info, value string) error {
	n, ok := readCount(value)
	if !ok || n < 1 {
		return numberError(value, "not a positive integer")
	}
	info.NbProc = n
	return nil
}

func readNbGPU(info *Info, value string) error {
	n, ok := readCount(value)
	if !ok {
		return numberError(value, "not a whole number from 0")
	}
	info.NbGPU = n
	return nil
}

func readPriority(info *Info, value string) error {
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil {
		return numberError(value, "not an integer")
	}
	info.Priority = int(n)
	return nil
}

// numberError tells a number that is too large from what is none at all.
func numberError(value, problem string) error {
	if digits().MatchString(strings.TrimLeft(value, "+-")) && len(value) > len("2147483647")-1 {
		return fmt.Errorf("%s up to %d", problem, math.MaxInt32)
	}
	return errors.New(problem)
}

// readEMail takes a bare address. 254 bytes is the most that a mail server's
// path can carry (RFC 5321, 4.5.3.1.3, less the angle brackets).
func readEMail(info *Info, value string) error {
	if value == "" {
		return nil
	}
	address, err := mail.ParseAddress(value)
	switch {
	case len(value) > 254:
		return errors.New("longer than an address can be")
	case err != nil || address.Address != value:
		return errors.New("not one bare address")
	}
	info.EMail = value
	return nil
}

func readInfo(info *Info, value string) error {
	info.Info = value
	return nil
}

func readJobSize(info *Info, value string) error {
	info.Size = value
	return nil
}

func readTimeLimit(info *Info, value string) error {
	limit, err := ParseTime(value)
	if err == nil {
		info.Limit = limit
	}
	return err
}

func readMemory(info *Info, value string) error {
	n, err := ParseBytes(value)
	if err == nil {
		info.Memory = n
	}
	return err
}

func readMaxLog(info *Info, value string) error {
	n, err := ParseBytes(value)
	if err == nil {
		info.MaxLog = n
	}
	return err
}

// readAfter reads names of folders. Which of them exist only the queue knows.
func readAfter(info *Info, value string) error {
	if value == "" {
		return nil
	}
	var names []string
	for name := range strings.SplitSeq(value, ",") {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			return errors.New("a name is missing before or behind a comma")
		case strings.Contains(name, "/"), name == ".", name == "..", len(name) > layout.MaxName:
			return fmt.Errorf("%q is no name of a job", shorten(name))
		case !slices.Contains(names, name):
			names = append(names, name)
		}
		if len(names) > maxAfter {
			return fmt.Errorf("more than %d names", maxAfter)
		}
	}
	info.After = names
	return nil
}

// maxAfter bounds what the scheduler has to look up for one job.
const maxAfter = 1000

// readRerun takes the words of ConfigParser.BOOLEAN_STATES.
func readRerun(info *Info, value string) error {
	switch strings.ToLower(value) {
	case "1", "yes", "true", "on":
		info.Rerun = true
	case "0", "no", "false", "off":
		info.Rerun = false
	default:
		return errors.New("neither yes nor no")
	}
	return nil
}
