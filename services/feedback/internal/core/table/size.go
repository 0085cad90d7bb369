package table

// SizeOf gives the band of a head count; 0 and less is not known.
func SizeOf(employees int64) SizeBand {
	switch {
	case employees <= 0:
		return NoSize
	case employees <= 10:
		return UpTo10
	case employees <= 50:
		return UpTo50
	case employees <= 200:
		return UpTo200
	case employees <= 1000:
		return UpTo1000
	case employees <= 5000:
		return UpTo5000
	}
	return Above5000
}
