__version__ = "0.1.0"
from . import backend # before anything imports `mlx.core`: it loads a fast BLAS
