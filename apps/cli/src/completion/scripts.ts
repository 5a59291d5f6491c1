/** The shells that `completion` knows. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * What a shell is to read to complete `promferry`. Each asks the program itself, `promferry complete -- WORDS…`, whose
 * answer is a line `word<TAB>description` for each candidate and a last line `:files`, `:folders` or `:none`.
 */
export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# promferry completion bash >> ~/.bashrc
_promferry() {
  local line command=\${COMP_WORDS[0]} typed=\${COMP_LINE:0:COMP_POINT}
  local -a words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  # bash takes the = of --name=value for a word of its own.
  case $COMP_WORDBREAKS in
    *=*)
      if [[ \${COMP_WORDS[COMP_CWORD]} == = ]]; then
        words=("\${COMP_WORDS[@]:1:COMP_CWORD-2}" "\${COMP_WORDS[COMP_CWORD-1]}=")
      elif [[ COMP_CWORD -gt 2 && \${COMP_WORDS[COMP_CWORD-1]} == = ]]; then
        words=("\${COMP_WORDS[@]:1:COMP_CWORD-3}" "\${COMP_WORDS[COMP_CWORD-2]}=\${COMP_WORDS[COMP_CWORD]}")
      fi ;;
  esac
  while IFS= read -r line; do
    case $line in
      :files) compopt -o default 2>/dev/null ;;
      :folders) compopt -o dirnames 2>/dev/null ;;
      :none) ;;
      *)
        line=\${line%%$'\\t'*}
        [[ $typed == *=* && $COMP_WORDBREAKS == *=* ]] && line=\${line#*=}
        COMPREPLY+=("$line") ;;
    esac
  done < <("$command" complete -- "\${words[@]}" 2>/dev/null)
}
complete -F _promferry promferry
`,
  zsh: `#compdef promferry
# promferry completion zsh > "\${fpath[1]}/_promferry"
_promferry() {
  local line
  local -a found
  while IFS= read -r line; do
    case $line in
      :files) _files ;;
      :folders) _files -/ ;;
      :none) ;;
      *) found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done < <("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#found} )) && _describe promferry found
}
if [[ $funcstack[1] == _promferry ]]; then _promferry "$@"; else compdef _promferry promferry; fi
`,
  fish: `# promferry completion fish > ~/.config/fish/completions/promferry.fish
function __promferry_complete
  set -l tokens (commandline -opc)
  for line in ($tokens[1] complete -- $tokens[2..] (commandline -ct) 2>/dev/null)
    switch $line
      case :files
        __fish_complete_path (commandline -ct)
      case :folders
        __fish_complete_directories (commandline -ct) ""
      case :none
      case '*'
        echo $line
    end
  end
end
complete -c promferry -f -a '(__promferry_complete)'
`,
};
