"""LiteRT in Python, one thread: litert.py MODEL.tflite samples|mels FOLDER WINDOWS"""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from timing import figures, first

model, kind, folder, windows = sys.argv[1:]
interpreter = Interpreter(model, num_threads=1)
wanted = interpreter.get_input_details()[0]
shape = wanted["shape"]
size = int(np.prod(shape))
if size <= 1:  # a waveform of any length
    size = 15600
    shape = np.array([1, size] if len(shape) == 2 else [size])
    interpreter.resize_tensor_input(wanted["index"], shape)
interpreter.allocate_tensors()
everything = np.fromfile(f"{folder}/{kind}.f32", dtype=np.float32).reshape(-1, size)
output = interpreter.get_output_details()[0]["index"]


def run(i):
    interpreter.set_tensor(wanted["index"], everything[i % len(everything)].reshape(shape))
    interpreter.invoke()
    return interpreter.get_tensor(output)


run(0)
first()
figures(run, int(windows), stage="wholeMs" if kind == "samples" else "networkMs")
