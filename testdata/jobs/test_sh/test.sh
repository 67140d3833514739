# Counts the primes below 100, 200 ... and writes the counts to results.txt.
# Needs a POSIX shell and nothing else. PAUSE: seconds between two steps.
set -eu

steps=$(sed -n 's/^Size *: *//p' proc_config.cfg)

is_prime() {
	divisor=2
	while [ $((divisor * divisor)) -le "$1" ]; do
		[ $(($1 % divisor)) -ne 0 ] || return 1
		divisor=$((divisor + 1))
	done
}

number=2
primes=0
step=1
while [ "$step" -le "$steps" ]; do
	echo "processing $step / $steps"
	while [ "$number" -lt $((step * 100)) ]; do
		if is_prime "$number"; then primes=$((primes + 1)); fi
		number=$((number + 1))
	done
	echo "$primes primes below $number" >&3
	sleep "${PAUSE:-1}"
	step=$((step + 1))
done 3>results.txt
