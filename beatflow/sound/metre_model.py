import numpy as np
BAR_WEIGHTS={}
METER_BIAS=np.zeros(3)
METER_WEIGHTS=np.zeros((15,3))
