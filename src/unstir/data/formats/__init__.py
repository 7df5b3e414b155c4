"""File formats, one file each with its reader and its writer, and the table of them.

format.py             what a format is: `Format`, what it reads (`Contents`), what it is asked (`Request`)
registry.py           FORMATS, the table that reading and writing use; a new format is a line here and a file of its own
npy.py                one array
npz.py                named arrays; `named.py` says which of them is the data
safetensors.py        named arrays
csv.py                a table
idx.py                one array, as MNIST comes; it is only read
images.py             a folder of images; `pixels.py` reads one of them
raw.py                bytes that others wrote, and memory for them
"""
