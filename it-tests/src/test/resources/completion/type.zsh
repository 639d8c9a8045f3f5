# type.zsh SCRIPT [LINE WANTED]...: an interactive zsh that has sourced SCRIPT is typed each LINE and a tabulator; says
# WANTED once that stands on its terminal, and waits for ever if it never does.
zmodload zsh/zpty
script=$1
shift
zpty typed zsh -f -i
zpty -w typed "PS1=; autoload -Uz compinit; compinit -D -u; source ${(q)script}; print REA''DY"
zpty -r typed shown '*READY*'
for line wanted in "$@"; do
  zpty -w -n typed "$line"$'\t'
  zpty -r typed shown "*$wanted*"
  print -r -- "$wanted"
  zpty -w -n typed $'\C-u'
done
zpty -d typed
