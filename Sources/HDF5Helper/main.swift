// The program kconvert-hdf5, in which libhdf5 reads the files of programs with threads, see `IndexHelper`.
import HDF5

IndexHelper.run(CommandLine.arguments)
