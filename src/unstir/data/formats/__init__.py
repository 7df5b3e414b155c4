"""File formats, one file each with its reader and its writer, and the table of them.

format.py             what a format is: `Format`, what it reads (`Contents`), what it is asked (`Request`)
registry.py           FORMATS, the table that reading and writing use; a new format is a line here and a file of its own
npy.py                one array
npz.py                named arrays; `named.py` says which of them is the data
safetensors.py        named arrays
csv.py                a table; `dialect.py` says how its cells are parted, `numerals.py` how its numbers are spelled
idx.py                one array, as MNIST comes; it is only read
images.py             a folder of images; `pixels.py` reads one of them, `tiff.py` one that holds other numbers than a picture
arrays.py             a folder of .npy files
folders.py            which files of a folder are rows, and the class of each; `metadata.py`: the classes in a table; `walk.py`: all files
stack.py              the pages of a TIFF file
foreign.py            what is not read, and what to do with it
raw.py                bytes that others wrote, and memory for them
"""
