# fish completion for tcptriage: the program itself knows its words, and your own playbooks
tcptriage completion fish 2>/dev/null | source
