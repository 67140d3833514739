//go:build !linux

package disk

import "os"

func keepsName(*os.File) bool { return false }

func writeOut(f *os.File) error { return f.Sync() }
