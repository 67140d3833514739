package supervise

// argv returns the program to execute and its arguments.
func (a *attempt) argv() []string {
	if len(a.Args) > 0 {
		return a.Args
	}
	return []string{"cmd", "/c", a.Command}
}
