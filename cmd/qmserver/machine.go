package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"runtime"

	"github.com/dustin/go-humanize"

	"qm/cmd/qmserver/internal/config"
	"qm/cmd/qmserver/internal/slurm"
	"qm/cmd/qmserver/internal/topology"
	"qm/pkg/jobinfo"
)

// machine is what the configuration makes of this machine.
type machine struct {
	slots  int   // jobs, where Slurm runs them
	memory int64 // bytes for the jobs that ask for some; 0: not limited
	gpus   []string
	cpus   func() []topology.CPU // nil: jobs are not pinned
	load   func() (float64, bool)
}

// machineOf looks at the machine and tells where the configuration asks for more
// than there is. Where Slurm runs the jobs, this machine does not count.
func machineOf(cfg config.Config, log *slog.Logger) machine {
	if cfg.LaunchType == config.Slurm {
		return machine{slots: cfg.Cluster.Most}
	}
	here := topology.NewMachine()
	usable := len(here.Allowed())
	pin := cfg.Affinity == config.Auto
	if pin && usable == 0 {
		log.Info("jobs are not pinned to processors: this system does not do that; they are told how many they may use")
		pin = false
	}
	usable = cmp.Or(usable, runtime.NumCPU())
	if quota := here.Quota(); quota > 0 {
		usable = min(usable, quota)
	}
	m := machine{slots: cmp.Or(cfg.MaxNbProcessors, usable), memory: memoryOf(cfg, here), gpus: cfg.GPUs, load: here.Load}
	if m.slots > usable {
		log.Warn("more slots than this server may use processors: jobs are not pinned to processors of their own", "slots", m.slots, "usable", usable)
		pin = false
	}
	if pin {
		m.cpus = here.Allowed
	}
	return m
}

// memoryOf is what the jobs that ask for memory may have together.
func memoryOf(cfg config.Config, here *topology.Machine) int64 {
	return cmp.Or(cfg.MaxMemory, here.Memory()/10*9)
}

// refusal returns what tells why this server can't ever run a job, in words, or
// "".
func refusal(cfg config.Config, memory int64) func(jobinfo.Info) string {
	if cfg.LaunchType == config.Slurm {
		return refuseThere
	}
	return func(info jobinfo.Info) string { return refuse(info, len(cfg.GPUs), memory) }
}

// refuseThere tells why a job can't be given to Slurm. Whether a node has what
// it asks for Slurm says itself.
func refuseThere(info jobinfo.Info) string {
	if isForeign(info.Format) {
		return info.File + foreignWords
	}
	if err := slurm.Check(info.Slurm.Options, info.Slurm.Lines); err != nil {
		return info.File + ": " + err.Error()
	}
	return ""
}

// refuse tells why a server can't ever run a job, in words, or "".
func refuse(info jobinfo.Info, gpus int, memory int64) string {
	switch {
	case isForeign(info.Format):
		return info.File + foreignWords
	case info.NbGPU > 0 && gpus == 0:
		return fmt.Sprintf("nb_gpu = %d: this server shares out no GPUs (GPUs in its configuration); take nb_gpu out to run it without", info.NbGPU)
	case info.NbGPU > gpus:
		return fmt.Sprintf("nb_gpu = %d: this server has %d; ask for fewer", info.NbGPU, gpus)
	case memory > 0 && info.Memory > memory:
		return fmt.Sprintf("memory = %s: the jobs of this server may have %s together (MaxMemory); ask for less", humanize.IBytes(uint64(info.Memory)), humanize.IBytes(uint64(memory)))
	}
	return ""
}
