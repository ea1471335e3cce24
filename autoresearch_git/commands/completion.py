"""git ar completion: complete verbs and options in a shell."""

from __future__ import annotations

import click

VARIABLE = "_GIT_AR_COMPLETE"  # set by the shell's script when it asks us for words

# For `git ar <TAB>`: git's own completion calls functions of these names.
_GIT = {
    "bash": """
_git_ar() {
    local response
    response=$(env COMP_WORDS="git-ar ${COMP_WORDS[*]:2}" COMP_CWORD=$((COMP_CWORD - 1)) \\
        _GIT_AR_COMPLETE=bash_complete git-ar)
    local IFS=$'\\n'
    COMPREPLY=()
    for word in $response; do COMPREPLY+=("${word#*,}"); done
}
""",
    "zsh": """
_git-ar() { words[1]=git-ar; _git_ar_completion; }
""",
    "fish": """
function _git_ar_words
    set -l words (string replace --regex '^\\s*git\\s+ar\\b' git-ar -- (commandline -cp))
    for found in (env _GIT_AR_COMPLETE=fish_complete COMP_WORDS=$words \\
            COMP_CWORD=(commandline -t) git-ar)
        string replace --regex '^plain,' '' -- $found
    end
end
complete --no-files --command git --condition '__fish_seen_subcommand_from ar' \\
    --arguments '(_git_ar_words)'
""",
}


@click.command()
@click.argument("shell", type=click.Choice(list(_GIT)))
def command(shell: str) -> None:
    """Print the script that completes `git ar` and `git-ar` in bash, zsh or fish.

    \b
    bash:  eval "$(git ar completion bash)"           in ~/.bashrc
    zsh:   eval "$(git ar completion zsh)"            in ~/.zshrc, after compinit
    fish:  git ar completion fish | source            in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    group = click.get_current_context().find_root().command
    kind = get_completion_class(shell)
    assert kind is not None
    assert isinstance(group, click.Group)
    click.echo(kind(group, {}, "git-ar", VARIABLE).source() + _GIT[shell])
