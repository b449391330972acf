#!/bin/sh
# The tour: make a beat, take it apart, keep it, fork it, merge it, see its tree. Usage: demo.sh FOLDER
# Needs `bf` on the PATH. A second run keeps what is there and says so.
set -eu
folder=$1
mkdir -p "$folder"
cd "$folder"

run() {
    printf '\n$ bf'
    for word in "$@"; do
        case $word in *[!a-zA-Z0-9@~./-]*) printf ' "%s"' "$word" ;; *) printf ' %s' "$word" ;; esac
    done
    printf '\n'
    bf "$@"
}
step() { printf '\n-- %s\n' "$1"; }
kept() { printf '   kept from the last run: %s\n' "$1"; }

step "a track is a folder"
if [ -d night-drive/.beatflow ]; then kept "$folder/night-drive"; else run init night-drive; fi
cd night-drive
commits=$(bf log --oneline 2>/dev/null | wc -l)

step "make a beat, and take its mix apart"
if [ "$commits" -ge 1 ]; then kept "the first take"; else
    run generate "lofi, dusty drums, rhodes" --bpm 90 --key Am --bars 8 --seed 7
    run split mix.wav -o stems
    run commit -m "first take"
fi

step "a second take of the drums"
if [ "$commits" -ge 2 ]; then kept "the second take"; else
    run generate "lofi, energetic drums" --stem drums --seed 8
    run diff || test $? -eq 1
    run commit -m "busier drums"
fi

step "somebody forks it from the first commit"
cd ..
if [ -d club-mix/.beatflow ]; then kept "$folder/club-mix"; else
    run fork night-drive@main~1 club-mix
    cd club-mix
    run generate "house, deep bass" --stem bass --seed 3
    run commit -m "deeper bass"
    cd ..
fi

step "the fork takes over the busier drums; the mix is rendered again"
cd club-mix
if [ "$(bf log --oneline | wc -l)" -ge 4 ]; then kept "the merge"; else run merge parent/main; fi
run blame stems/drums.wav
cd ..

step "the family tree, seen from the fork"
cd club-mix
run log --graph

step "where things are"
cd ..
for track in night-drive club-mix; do
    find "$track" -name '*.wav' | sort | sed "s|^|   $folder/|"
done
sound=$(find night-drive club-mix -name '*.wav' -exec cat {} + | wc -c)
store=$(find night-drive/.beatflow club-mix/.beatflow -type f -exec ls -li {} + | awk '!seen[$1]++ { bytes += $6 } END { print bytes }')
echo "   $((sound / 1000)) kB of WAV in the folders; $((store / 1000)) kB in both repositories, all versions of it"
