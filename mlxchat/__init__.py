"""Train your own ChatGPT on your own machine

`load` and `generate` use a trained model; `train`, `sft`, `rl`, `evaluate` and `chat` do what the program's verbs do;
and these are the classes behind them. Nothing of it is imported before it is used.
"""
import sys
from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"
HOMES = dict(load='guides.api', generate='guides.api', chat='chat', train='guides.runs', sft='sft', rl='rl',
             evaluate='guides.evaluate', GPT='model', GPTConfig='config', Tokenizer='tokenizer', Engine='engine',
             Trainer='trainer', Callback='callbacks', Task='tasks')
__all__ = [*HOMES]
MODULES = 'chat', 'train', 'sft', 'rl' # that have the name of a verb

def _public(name): return getattr(import_module(f'mlxchat.{HOMES[name]}'), name)

class Verb(ModuleType):
    "A module that does what the verb of its name does: `mlxchat.train(depth=4)`, and still `mlxchat.train.TrainStep`"
    def __call__(self, *args, **kwargs): return self.__wrapped__(*args, **kwargs)
    @property
    def __wrapped__(self): return _public(self.__name__.rpartition('.')[2]) # also whose signature `inspect` shows

class Package(ModuleType):
    "Modules become attributes when they are imported; some of them are verbs as well"
    def __setattr__(self, name, value):
        if name in MODULES and isinstance(value, ModuleType):
            value.__class__ = Verb
            called = f'Called, it is `mlxchat.{HOMES[name]}.{name}`, and `help` of that tells how.'
            value.__doc__ = f'{value.__doc__}\n\n{called}'
        super().__setattr__(name, value)

sys.modules[__name__].__class__ = Package

class BLASFirst:
    "In front of Python's finders: MLX's core gets a fast BLAS before it, whoever imports it (see `mlxchat.fast.blas`)"
    def find_spec(self, name, path=None, target=None):
        if name != 'mlx.core': return
        sys.meta_path.remove(self)
        import_module('mlxchat.fast.blas')
        import_module('mlxchat.fast.programs')

sys.meta_path.insert(0, BLASFirst())

def __getattr__(name):
    if name not in HOMES: raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return import_module(f'{__name__}.{name}') if name in MODULES else _public(name)

def __dir__(): return sorted({*globals(), *__all__})
