/// The members of a JSON object: unique keys in the order of the file.
///
/// Two objects are equal when they have the same members, whatever their order.
package struct JSONObject: Sendable {
  /// One member.
  struct Member: Sendable {
    var key: String
    var value: JSONValue
  }

  private(set) var members: [Member] = []
  /// Where each key is; built only when there are too many members to look through.
  private var positions: [String: Int]?

  /// Configurations of layers have up to 20 members, of which most are looked up once.
  private static let linearLimit = 20

  /// An object without members.
  package init() {}

  /// An object of these members; a key that comes again replaces the earlier value, in the earlier place.
  package init(_ members: [(String, JSONValue)]) {
    self.members.reserveCapacity(members.count)
    for (key, value) in members { self[key] = value }
  }

  /// The value of a key. Setting nil removes the member; setting a new key appends one.
  package subscript(key: String) -> JSONValue? {
    get { position(of: key).map { members[$0].value } }
    set {
      guard let newValue else {
        removeValue(forKey: key)
        return
      }
      if let position = position(of: key) {
        members[position].value = newValue
      } else {
        append(key, newValue)
      }
    }
  }

  /// Removes a member and returns its value; the other members keep their order.
  /// - Complexity: O(n) in the number of members.
  @discardableResult
  package mutating func removeValue(forKey key: String) -> JSONValue? {
    guard let position = position(of: key) else { return nil }
    positions = nil
    let removed = members.remove(at: position).value
    indexIfLarge()
    return removed
  }

  /// The members whose keys begin so, in order.
  package func members(withPrefix prefix: String) -> [(key: String, value: JSONValue)] {
    var found: [(key: String, value: JSONValue)] = []
    for index in members.indices where members[index].key.hasPrefix(prefix) {
      found.append((members[index].key, members[index].value))
    }
    return found
  }

  /// The keys of the members that are wanted, in order.
  package func keys(where isWanted: (String, JSONValue) -> Bool) -> [String] {
    var wanted: [String] = []
    for index in members.indices where isWanted(members[index].key, members[index].value) {
      wanted.append(members[index].key)
    }
    return wanted
  }

  /// Makes room for members that are going to be added.
  mutating func reserveCapacity(_ count: Int) { members.reserveCapacity(count) }

  /// The keys in order.
  package var keys: [String] { members.map(\.key) }
  /// The values in order.
  package var values: [JSONValue] { members.map(\.value) }
  /// True if the object has a member of this key.
  package func contains(_ key: String) -> Bool { position(of: key) != nil }

  private func position(of key: String) -> Int? {
    if let positions { return positions[key] }
    return members.firstIndex { $0.key == key }
  }

  private mutating func append(_ key: String, _ value: JSONValue) {
    members.append(Member(key: key, value: value))
    if positions != nil {
      positions?[key] = members.count - 1
    } else {
      indexIfLarge()
    }
  }

  private mutating func indexIfLarge() {
    guard positions == nil, members.count > JSONObject.linearLimit else { return }
    var positions: [String: Int] = [:]
    for (position, member) in members.enumerated() { positions[member.key] = position }
    self.positions = positions
  }
}

extension JSONObject: RandomAccessCollection {
  package var startIndex: Int { 0 }
  package var endIndex: Int { members.count }
  /// The member at a position.
  package subscript(position: Int) -> (key: String, value: JSONValue) {
    (members[position].key, members[position].value)
  }
}

extension JSONObject: Hashable {
  package static func == (a: JSONObject, b: JSONObject) -> Bool {
    guard a.members.count == b.members.count else { return false }
    for member in a.members where b[member.key] != member.value { return false }
    return true
  }

  package func hash(into hasher: inout Hasher) {
    var combined = 0
    for member in members {
      var one = Hasher()
      one.combine(member.key)
      one.combine(member.value)
      combined ^= one.finalize()
    }
    hasher.combine(combined)
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}
