"`python -m mlxchat` is `mlxchat`"
import os, signal, sys

def leave(number, frame):
    "Ctrl-C before a verb has begun, when there is nothing to save or to tidy up"
    signal.signal(number, signal.SIG_IGN) # a second tap says nothing more
    try: os.write(2, b'mlxchat: stopped\n')
    finally: os._exit(130)

def main(
)->int: # exit status
    "The `mlxchat` program, which Ctrl-C ends in one line from the first moment"
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler: signal.signal(signal.SIGINT, leave)
    from .guides.program import main
    return main()

if __name__ == "__main__": sys.exit(main())
