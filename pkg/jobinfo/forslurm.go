package jobinfo

import "slices"

// ForSlurm returns what a job asks for where Slurm runs it: all that its #SBATCH
// lines say has a meaning there, so nothing is warned of that had none.
func (i Info) ForSlurm() Info {
	i.Warnings = slices.DeleteFunc(slices.Clone(i.Warnings), func(w string) bool { return slices.Contains(i.Slurm.Ignored, w) })
	return i
}
