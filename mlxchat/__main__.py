"`python -m mlxchat` is `mlxchat`"
import os, sys

def main(
)->int: # exit status
    "The `mlxchat` program, which Ctrl-C ends in one line from the first moment"
    try: from .program import main
    except KeyboardInterrupt:
        os.write(2, b'mlxchat: stopped\n')
        os._exit(130)
    return main()

if __name__ == "__main__": sys.exit(main())
