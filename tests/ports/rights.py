"""The rights that the files of deploy/postgres give, read out of them, and what the server says of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import override

from deploy.local.postgres_roles import INDEX_SCRIPT, SCRIPT, TIMEOUT_SCRIPT

SCRIPTS = (SCRIPT, TIMEOUT_SCRIPT, INDEX_SCRIPT)
ROLES = ("poolmedic", "poolmedic_configurer", "poolmedic_definer", "poolmedic_index")
_APPLICATION = re.compile(r"\bshop_(?:app|owner)\b")
"""How the files call the application's role in what an administrator adds."""
_GRANT = re.compile(r'(?:^\s*|")GRANT\s+([^;"]+?)\s+TO\s+([^;"]+?)(\s+WITH\s[^;"]+)?[;"]', re.MULTILINE)
_ROLE = re.compile(r"^\s*(?:CREATE|ALTER) ROLE (\w+)((?:\s+[A-Z]+(?:\s+\d+)?)*)\s*;", re.MULTILINE)
_BOUND = re.compile(r"\bCONNECTION LIMIT \d+|\bNO[A-Z]+")
"""What takes away, or limits."""


@dataclass(frozen=True)
class Right:
    """One privilege, membership or attribute that one role is given."""

    role: str
    what: str
    options: str = ""

    @override
    def __str__(self) -> str:
        return f"{self.role}: {re.sub(r'[(].*', '', self.what).replace('FUNCTION ', '')}"

    @property
    def is_attribute(self) -> bool:
        return self.what.isupper()

    @property
    def revocation(self) -> str:
        """The statement that takes exactly this away."""
        if self.is_attribute:
            return f"ALTER ROLE {self.role} NO{self.what}"
        return f"REVOKE {self.what} FROM {self.role}"

    @property
    def grant(self) -> str:
        """The statement that gives it."""
        if self.is_attribute:
            return f"ALTER ROLE {self.role} {self.what}"
        return f"GRANT {self.what} TO {self.role}{self.options}"


def given(role: str) -> list[Right]:
    """Every right of the files, and what by their heads is added for the application's `role`."""
    texts = [_APPLICATION.sub(role, script.read_text()) for script in SCRIPTS]
    return sorted({right for text in texts for right in _read(text)}, key=str)


def _read(text: str) -> Iterator[Right]:
    for what, roles, options in _GRANT.findall(text):
        for role in roles.split(","):
            for each in _each(" ".join(what.split())):
                yield Right(role.strip(), each, options)
    for role, words in _ROLE.findall(text):
        for word in _BOUND.sub("", words).split():
            yield Right(role, word)


def _each(what: str) -> Iterator[str]:
    """Privileges and memberships one by one; those of one object stay with it."""
    words, on, where = what.partition(" ON ")
    for word in words.split(","):
        yield f"{word.strip()}{on}{where}"


HELD = """
SELECT m.rolname, r.rolname
  FROM pg_auth_members AS held
  JOIN pg_roles AS r ON r.oid = held.roleid
  JOIN pg_roles AS m ON m.oid = held.member
 WHERE m.rolname = ANY ($1)
UNION ALL
SELECT r.rolname, own.name
  FROM pg_roles AS r
 CROSS JOIN LATERAL (VALUES ('LOGIN', r.rolcanlogin), ('CREATEROLE', r.rolcreaterole),
                            ('CREATEDB', r.rolcreatedb), ('REPLICATION', r.rolreplication),
                            ('BYPASSRLS', r.rolbypassrls), ('SUPERUSER', r.rolsuper)) AS own (name, is_there)
 WHERE r.rolname = ANY ($1) AND own.is_there
UNION ALL
SELECT r.rolname, format('%s ON %s', entry.privilege_type, given.object)
  FROM (
      SELECT format('SCHEMA %I', nspname) AS object, nspowner AS owner, nspacl AS acl FROM pg_namespace
      UNION ALL
      SELECT format('%I.%I', n.nspname, c.relname), c.relowner, c.relacl
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
      UNION ALL
      SELECT format('FUNCTION %I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
             p.proowner, p.proacl
        FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
  ) AS given
 CROSS JOIN aclexplode(given.acl) AS entry
  JOIN pg_roles AS r ON r.oid = entry.grantee
 WHERE r.rolname = ANY ($1)
   AND entry.grantee <> given.owner
"""
"""What the roles hold by the server's own catalogue, in this database."""
ELSEWHERE = """
SELECT pg_describe_object(d.classid, d.objid, d.objsubid)
  FROM pg_shdepend AS d
  JOIN pg_roles AS r ON r.oid = d.refobjid
 WHERE d.refclassid = 'pg_authid'::regclass
   AND d.deptype = 'a'
   AND r.rolname = ANY ($1)
   AND d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
   AND d.classid NOT IN ('pg_namespace'::regclass, 'pg_class'::regclass, 'pg_proc'::regclass)
"""
"""Rights of theirs in any other catalogue: databases, types, languages, parameters, defaults, …"""
