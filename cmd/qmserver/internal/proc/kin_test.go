package proc

import (
	"encoding/binary"
	"slices"
	"testing"
)

func TestKin(t *testing.T) {
	all := []kinsman{
		{1, 0, 1, 1},
		{50, 1, 50, 50},     // the supervisor
		{100, 50, 100, 100}, // the job, in a session of its own
		{101, 100, 100, 100},
		{102, 101, 102, 100}, // a group of its own, such as a shell's job
		{103, 1, 102, 100},   // its parent has ended
		{104, 101, 104, 104}, // a session of its own
		{105, 1, 104, 104},   // left there
		{106, 1, 106, 106},   // a daemon, known by its environment
		{107, 106, 107, 107},
		{200, 1, 200, 200}, // another's
		{201, 200, 200, 200},
	}
	marked := func(pid int) bool { return pid == 106 }
	want := []int{100, 101, 102, 103, 104, 105, 106, 107}
	if got := kin(all, 100, marked); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	slices.Reverse(all) // in whatever order the system tells of them
	got := kin(all, 100, marked)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := kin(all, 0, func(pid int) bool { return pid == 104 }); !slices.Equal(got, []int{105, 104}) {
		t.Errorf("of a mark alone: %v", got)
	}
	if got := kin(all, 0, func(int) bool { return false }); len(got) > 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestParseProcArgs(t *testing.T) {
	number := binary.NativeEndian.AppendUint32(nil, 2)
	args, env := parseProcArgs(append(number, "/bin/sh\x00\x00\x00sh\x00-c\x00A=1\x00B=\x00\x00left\x00"...))
	if !slices.Equal(args, []string{"sh", "-c"}) || !slices.Equal(env, []string{"A=1", "B="}) {
		t.Errorf("%q, %q", args, env)
	}
	for _, torn := range []string{"", "ab", string(number), string(number) + "/bin/sh", string(number) + "/bin/sh\x00\x00sh"} {
		if _, env := parseProcArgs([]byte(torn)); len(env) > 0 {
			t.Errorf("%q: %q", torn, env)
		}
	}
	if args, env := parseProcArgs(append(binary.NativeEndian.AppendUint32(nil, 1<<31), "x\x00y\x00"...)); len(args) > 1 || len(env) > 0 {
		t.Errorf("%q, %q", args, env)
	}
}
