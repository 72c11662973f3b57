"""Reading a scan in the browser: its voxels, and what people measure on them."""
