"""What several commands share. A command's own file says in which order it uses this.

flags.py        flags of several commands; settings.py: the flags that set up a training run
output.py       results on stdout: lines, tables, or one JSON object; what happens where nobody can read them
progress.py     training on stderr, step by step; warnings
signals.py      Ctrl-C, a terminal that closes, and the signals of schedulers

planning.py     from what was typed to a run that can begin: settings, encoder (encoder.py), what it will cost
running.py      training on the record
finishing.py    scores and pictures after training, and what to type next
together.py     the other processes of `torchrun`
comparing.py    the trainings of `compare`, and its tables

rows_in.py      rows and masks that a model is given
rows_out.py     files and pictures (grid.py) of rows that it makes

inspected.py    what `inspect` answers; evaluated.py: what `evaluate` answers; machine.py: what `doctor` looks at
"""
