//go:build !linux && !darwin

package disk

func renameNoReplace(from, to string) error { return renameChecked(from, to) }
