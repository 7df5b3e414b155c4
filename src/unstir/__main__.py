"""`python -m unstir` is `unstir`."""

from unstir.cli import main

if __name__ == "__main__":
    main()
