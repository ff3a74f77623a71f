# Home Assistant answers `import voluptuous` with its own engine; the type checker is told the same.
from probatio import *
