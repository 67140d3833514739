#!/bin/sh
#QM info : the script format; Slurm would run this folder too
#SBATCH --cpus-per-task=2
#SBATCH --time=10:00
#SBATCH --mail-user=lab@example.org
#SBATCH --partition=long

echo "on $NB_PROC processors" | tee results.txt
