import inspect, os
os.environ["KERAS_BACKEND"]="tensorflow"; os.environ["TF_CPP_MIN_LOG_LEVEL"]="3"
import keras
from keras.src.layers.layer import Layer
from keras.src.ops.operation import Operation
common={"name","trainable","dtype","self","kwargs","args","activity_regularizer"}
out={}
for n in sorted(dir(keras.layers)):
    c=getattr(keras.layers,n)
    if inspect.isclass(c) and issubclass(c,Layer):
        keys=[]
        kw=False
        for k,p in inspect.signature(c.__init__).parameters.items():
            if p.kind==p.VAR_KEYWORD: kw=True
            elif k not in ("self","args","name","trainable","dtype"): keys.append(k)
        out[n]=keys
for n,k in out.items(): print(n," ".join(k))
print(len(out))
mods={}
import importlib
for m in ["numpy","nn","core","math","linalg","image","einops"]:
    mod=importlib.import_module("keras.src.ops."+m)
    mods[m]=sorted(n for n,c in vars(mod).items() if inspect.isclass(c) and issubclass(c,Operation) and c is not Operation and c.__module__==mod.__name__)
for m in mods: print(m,len(mods[m]), " ".join(mods[m]) if m!="numpy" else "")
