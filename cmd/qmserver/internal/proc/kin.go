package proc

// kinsman is a process with what ties it to others.
type kinsman struct{ pid, parent, group, session int }

// kin returns, of all processes, those that are marked or of the group or session
// of that number, and all that came of them: their children, and what is of a
// group or session that one of these has made. It is for systems on which a
// process that lost its parent is given to one that is none of ours.
func kin(all []kinsman, number int, marked func(pid int) bool) []int {
	ours := make(map[int]bool)
	made := map[int]bool{number: number > 0} // groups and sessions
	for found := true; found; {
		found = false
		for _, k := range all {
			if ours[k.pid] || k.pid <= 1 {
				continue
			}
			if !ours[k.parent] && !made[k.group] && !made[k.session] && !marked(k.pid) {
				continue
			}
			ours[k.pid], found = true, true
			if k.group == k.pid || k.session == k.pid {
				made[k.pid] = true
			}
		}
	}
	var pids []int
	for _, k := range all {
		if ours[k.pid] {
			pids = append(pids, k.pid)
		}
	}
	return pids
}
