// Package layout describes the tree of folders that qmserver and qmweb share:
// its names, its states, and the files through which the server tells what it
// does. It reads; nothing in it writes. All of it may be used concurrently.
package layout

import "path/filepath"

// State is the folder of the tree that a job lies in.
type State int

// The states, in the order of a job's life.
const (
	Queued State = iota
	Running
	Done
	Lost
)

// States lists all states in the order of a job's life.
var States = [...]State{Queued, Running, Done, Lost}

var stateNames = [...]struct{ word, folder string }{
	Queued:  {"queued", "QM_qJobs"},
	Running: {"running", "QM_Jobs"},
	Done:    {"done", "QM_dJobs"},
	Lost:    {"lost", "QM_lost+found"},
}

// String returns the word for the state: queued, running, done or lost.
func (s State) String() string { return stateNames[s].word }

// Folder returns the name of the state's folder, such as QM_qJobs.
func (s State) Folder() string { return stateNames[s].folder }

// StateOfFolder returns the state whose folder has this name.
func StateOfFolder(folder string) (State, bool) {
	for _, s := range States {
		if s.Folder() == folder {
			return s, true
		}
	}
	return 0, false
}

// StateOfWord returns the state with this word: queued, running, done or lost.
func StateOfWord(word string) (State, bool) {
	for _, s := range States {
		if s.String() == word {
			return s, true
		}
	}
	return 0, false
}

// Names inside a tree and inside a job's folder.
const (
	Own       = ".qm"         // what QM keeps for itself, in the tree and in a job's folder
	JobLog    = "process.log" // stdout and stderr of the job
	ServerLog = "QueueManager.log"

	LockFile      = Own + "/lock"
	HeartbeatFile = Own + "/server.json"
	QueueFile     = Own + "/queue.json"
	RunDir        = Own + "/run"
	OutboxDir     = Own + "/outbox"   // mail that the mail server has not taken
	ArrivalsFile  = Own + "/arrivals" // when each waiting folder was first seen
	OutcomesFile  = Own + "/outcomes" // how each job ended that others may wait for
	ClockFile     = Own + "/clock"    // touched, to know the file system's time
	RecordFile    = Own + "/run.json" // relative to the job's folder
)

// Tree is a QM_FOLDER, given by its path.
type Tree string

// Folder returns the path of the state's folder.
func (t Tree) Folder(s State) string { return filepath.Join(string(t), s.Folder()) }

// Job returns the path of the folder of the job with this name and state.
func (t Tree) Job(s State, name string) string {
	return filepath.Join(string(t), s.Folder(), name)
}

// Path returns the path of a file that is named relative to the tree.
func (t Tree) Path(rel string) string { return filepath.Join(string(t), filepath.FromSlash(rel)) }
