#!/bin/sh
@DIRECTIVES@
# The batch script of one run of a QM job. Filled in by qmserver:
dir=@DIR@          # the job's folder
run=.qm/@TOKEN@    # in it: what this run leaves for qmserver
notes=@NOTES@      # lines for the log
NB_PROC=@NB_PROC@ QM_JOB=@JOB@ QM_RUN=@TOKEN@
export NB_PROC QM_JOB QM_RUN
for name in @THREADS@; do
	eval "[ -n \"\${$name+set}\" ] || { $name=\$NB_PROC; export $name; }"
done
: "${PYTHONUNBUFFERED=1}"
export PYTHONUNBUFFERED

# A shared file system may show the folder late.
tries=0
until cd "$dir" 2>/dev/null && [ -d "$run" ]; do
	tries=$((tries + 1))
	[ $tries -le @PATIENCE@ ] || exit 120
	sleep 1
done
node=${SLURMD_NODENAME:-$(uname -n)}
now=$(date '+%s.%N %Y-%m-%dT%H:%M:%S%z')
day=${now#* }
day=${day%??}:${day#"${day%??}"} # the offset as RFC 3339 has it
case $day in *+00:00) day=${day%+00:00}Z ;; esac
me="job=$SLURM_JOB_ID node=$node pid=$$ at=${now% *}"
put() { # put NAME TEXT: whole or not at all
	printf '%s\n' "$2" >"$run/.$1.$SLURM_JOB_ID.$$" && mv -f "$run/.$1.$SLURM_JOB_ID.$$" "$run/$1"
}
exec 3>>process.log || exit 122

# Run once, whoever asks: a submission made twice, a requeue, a controller that
# forgot. link(2) gives the claim to one, on NFS too, where its answer may be
# lost: so look whose it is.
mine=$run/.claim.$SLURM_JOB_ID.$$
printf '%s\n' "$me" >"$mine" && ln "$mine" "$run/claim" 2>/dev/null
claim=
read -r claim 2>/dev/null <"$run/claim"
if [ "$claim" != "$me" ]; then
	echo "QM: not run by Slurm job $SLURM_JOB_ID on $node, this run began already: $claim" >&3
	put refused "$me"
	exit 121
fi
{
	echo "Job started by QM at: $day"
	echo "Host: $node, user: ${SLURM_JOB_USER:-$(id -un)}, folder: "@SHOWN@", PATH: $PATH, processors: $NB_PROC, Slurm job: $SLURM_JOB_ID"
	printf %s "$notes"
} >&3

# The command runs in the foreground: the shell keeps a trap until that has
# ended, so $? is the command's. A shell gives the same $? for `exit 137` and for
# a command that signal 9 has killed, but says something only of the latter: on
# its stderr, which the command does not have.
told=
for name in HUP INT TERM; do
	trap "told=$name" $name
done
trap : USR1 USR2 # at their default they would end this script
exec 2>"$run/.said"
/bin/sh -c 'exec "$@" </dev/null >&3 2>&3 3>&-' sh @ARGV@
rc=$?
exec 2>/dev/null 3>&-
end=exit=$rc
[ $rc -le 128 ] || [ ! -s "$run/.said" ] || end=signal=$((rc - 128))
times >"$run/.times"
{
	read -r cpu
	read -r cpu # of what it has waited for
} <"$run/.times"
end="$end job=$SLURM_JOB_ID node=$node at=$(date +%s.%N) cpu=${cpu%% *},${cpu##* }"
put status "$end told=$told"
exit $rc
