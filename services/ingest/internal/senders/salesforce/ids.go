package salesforce

// wide gives a record's id in its form of 18 characters: Salesforce gives the same record ids of 15, whose case matters, and of
// 18, whose last three tell the case of the others ("15-Digit and 18-Digit IDs"). What is no id of 15 is given back as it is.
func wide(id string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
	if len(id) != 15 {
		return id
	}
	out := make([]byte, 0, 18)
	out = append(out, id...)
	for group := range 3 {
		bits := 0
		for i := range 5 {
			c := id[group*5+i]
			switch {
			case c >= 'A' && c <= 'Z':
				bits |= 1 << i
			case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			default:
				return id
			}
		}
		out = append(out, letters[bits])
	}
	return string(out)
}

// same reports whether two ids of 15 or 18 characters are one record's.
func same(a, b string) bool {
	long := func(s string) bool { return len(s) == 15 || len(s) == 18 }
	if long(a) && long(b) {
		return a[:15] == b[:15]
	}
	return a == b
}
