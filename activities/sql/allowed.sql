-- Whether the administrator lets sessions of this role be ended at all.
SELECT EXISTS (SELECT FROM poolmedic.application_role WHERE role = $1::name)
