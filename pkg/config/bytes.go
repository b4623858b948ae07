package config

// LoadBytes does what Load does with a file that is not written yet: data is
// its content, and name is what messages call it. src.File, src.DefaultFile
// and the environment's own file are not read.
func LoadBytes(src Source, name string, data []byte) (*Loaded, error) {
	return load(src, name, data, 0o600)
}
