#!/bin/sh
# Written by `git ar hooks install`, removed by `git ar hooks uninstall`. Template: @HOOK@.
# What was here before is kept beside it as @HOOK@.before-git-ar, and runs first.
[ "${GIT_AR_IN_HOOK:-}" != "@HOOK@" ] || exit 0 # a hook manager calls what it replaced
old=${0%/*}/@HOOK@.before-git-ar
# Run what was here before; husky's scripts need not be executable.
before() {
    if [ -x "$old" ]; then
        GIT_AR_IN_HOOK="@HOOK@" "$old" "$@"
    else
        case $old in */.husky/* | .husky/*) [ ! -f "$old" ] || GIT_AR_IN_HOOK="@HOOK@" sh -e "$old" "$@" ;; esac
    fi
}
git_ar() {
    if [ -x "@PROGRAM@" ]; then "@PROGRAM@" "$@"; else git ar "$@"; fi
}
# True on a research branch, outside of a rebase (whose HEAD is detached) and of our own agents.
on_research_branch() {
    [ "${GIT_AR_DEPTH:-0}" = 0 ] || return 1
    branch=$(git symbolic-ref -q HEAD) || return 1
    case $branch in "@RESEARCH@"*) ;; *) return 1 ;; esac
}
# The git directory that all worktrees share, absolute.
shared() { (cd "$(git rev-parse --git-common-dir)" && pwd -P); }
# Start the worker, holding none of our files open: whoever captures our output need not wait.
start_worker() {
    (
        trap '' HUP
        unset $(git rev-parse --local-env-vars)
        cd "$1" && git_ar hook work "$1"
    ) </dev/null >/dev/null 2>>"$1/ar/worker.log" &
}
