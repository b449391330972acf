"""``synth``: a procedural producer that composes and renders drums, bass, chords and melody. Needs only numpy.

The same brief gives the same bytes on every machine and with every numpy. That rules the code:

- Samples come only from operations whose results IEEE 754 defines to the last bit (``+ - * /``, square root, rounding,
  comparison, integer arithmetic, sums in order with ``cumsum``), one numpy call at a time. So there is no ``np.sin``,
  ``np.exp``, fractional power, ``np.sum``, ``np.mean`` or ``np.interp`` on floats, no ``math.sin``, and no ``sum()`` of
  floats (Python 3.12 changed it): ``exactmath`` has the functions, tables and decays.
- Filters and rooms are integer convolutions (``fir``): exact results below 2**53, so that it does not matter whether a
  direct sum or an FFT found them. Wavetables are integer matrix products for the same reason.
- Random numbers are SplitMix64 (``randomness``), one stream per part, so that no part moves another.
- Compressor and limiter are one gain curve for all stems, found on their sum; each stem is then rounded to 24 bits, and
  the mix is the integers' sum.
- Parts are played on two threads and hear nothing of one another, so that their order shows nowhere.

The folders, each importing only those before it (``test_folders`` holds it): ``genres`` (data), ``words`` (what
a prompt asks for), ``composing`` (to notes; knows no sound), ``sounds`` (from notes to samples; knows no music) and
``mixing`` (to the master); ``engine`` joins them.
"""
